"""What a worker tells others of the servers they share, and what it makes of what they tell: blocks and waiting tokens.

Both are needed. Where beginnings lie may be known seconds late, since they stay for minutes; how much waits may not,
since a server that everybody believes to be idle is sent everything. What waits is told as it stands and not as it
changes, so that the next time makes good for one that was lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from gateway.core.endpoint_state import OTHERS_VALID_S, EndpointState
from gateway.core.prefix_chain import Block
from gateway.core.prefix_index import Mark, PrefixIndex
from gateway.domain.noun import noun

BLOCKS_TOLD_MAX: Final = 1_024
"""Told at once: 8 kB. The rest waits for the next time."""

Servers = Callable[[], Iterable[tuple[Mark, EndpointState]]]
"""The servers of the policy in force that are chosen among, each with its mark."""


@noun
class Told:
    """What one worker says: blocks that servers were sent since it last did, and tokens of its own that wait there.

    `pending` None says nothing: nothing waits, and that was said before.
    """

    blocks: Mapping[Mark, Sequence[Block]]
    pending: Mapping[Mark, int] | None


class PrefixShare:
    """One worker's part."""

    __slots__ = ("_index", "_is_waited_for", "_others", "_servers")

    def __init__(self, index: PrefixIndex, servers: Servers) -> None:
        self._index = index
        self._servers = servers
        self._is_waited_for = False
        self._others: dict[str, tuple[Mapping[Mark, int], float]] = {}

    def tell(self) -> Told:
        """Return what is new here."""
        pending = {mark: state.pending_tokens for mark, state in self._servers() if state.pending_tokens}
        was_waited_for, self._is_waited_for = self._is_waited_for, bool(pending)
        return Told(self._index.take_tellable(BLOCKS_TOLD_MAX), pending if pending or was_waited_for else None)

    def hear_blocks(self, blocks: Mapping[Mark, Sequence[Block]], now_s: float) -> None:
        """Take in what another worker sent to servers. Of servers unknown here it is kept, too: policies change."""
        for mark, sent in blocks.items():
            self._index.insert(sent, mark, now_s, heard=True)

    def hear_pending(self, worker: str, pending: Mapping[Mark, int], now_s: float) -> None:
        """Take in what of another worker's waits at servers."""
        self._others[worker] = (pending, now_s)

    def settle(self, now_s: float) -> None:
        """Add up what waits of all others, after hearing them; who has not been heard of for long has nothing."""
        fresh = {worker: said for worker, said in self._others.items() if now_s - said[1] <= OTHERS_VALID_S}
        self._others = fresh
        for mark, state in self._servers():
            state.note_others(sum(pending.get(mark, 0) for pending, _ in fresh.values()), now_s)
