"""Which model servers are likely to have computed how much of a prompt.

A server keeps what it computed until it needs the room, the least recently used first. What it keeps cannot be seen, so
this remembers what it was sent: block → servers, in generations. A block that is used again moves to the newest
generation, and the oldest goes as a whole: by age, or when all of them together take too much memory.

    newest    {block: servers}   what was used in the last minutes
    older     {block: servers}   what was used before, and not since

What a server says of cached tokens corrects that. If it had to compute a block again, it had thrown that out, and with
it whatever it had used less recently: its share of the generations so old. What it computed for the request at hand it
has now, so that stays. Servers are known by a mark that every worker derives alike from an endpoint's address.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from gateway.core.prefix_chain import Block
from gateway.domain.noun import noun

ENTRY_BYTES: Final = 168
"""What one entry takes at most on 64-bit CPython: 41 bytes of name, the set of servers, and its share of the table."""
TELLABLE_MAX: Final = 4_096
"""Requests whose blocks wait to be told to other workers; of more the oldest go untold."""
SLACK: Final = 0.1
"""Tokens are estimated from bytes, and servers keep blocks of another size: a shortfall of that share is none."""

Mark = bytes
"""The name of a server among workers."""


@noun
class IndexSettings:
    """A block that is not used again is believed in for `generation_s` × `generations`, give or take a generation.

    A server's cache seldom lasts a quarter of an hour where there are requests enough for this to matter; what it says
    of cached tokens shortens that.
    """

    generation_s: float = 60.0
    generations: int = 15
    bytes_max: int = 32 * 1024 * 1024


DEFAULT_INDEX: Final = IndexSettings()


class _Generation:
    """The blocks that were last used in one stretch of time, by the servers they were used on, a bit for each."""

    __slots__ = ("began_s", "gone", "held")

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.held: dict[Block, int] = {}
        self.gone = 0
        """The servers that have thrown out all of these."""


class PrefixIndex:
    """What is believed of all servers that one worker knows. Times are monotonic seconds."""

    __slots__ = ("_bits", "_free", "_generations", "_retired", "_settings", "_tellable", "evicted_blocks", "untold")

    def __init__(self, settings: IndexSettings = DEFAULT_INDEX, *, tells: bool = False) -> None:
        self._settings = settings
        self._generations: list[_Generation] = []
        self._bits: dict[Mark, int] = {}
        self._free: list[int] = []
        self._retired: list[tuple[_Generation, int]] = []
        self._tellable: deque[tuple[Mark, list[Block]]] | None = deque() if tells else None
        self.evicted_blocks = 0
        """Dropped for want of memory since the start, not for their age."""
        self.untold = 0
        """Requests whose blocks no other worker was told of, because there were too many."""

    def __len__(self) -> int:
        return sum(len(generation.held) for generation in self._generations)

    @property
    def size_bytes(self) -> int:
        """Estimate the memory taken."""
        return len(self) * ENTRY_BYTES

    def match(self, blocks: Sequence[Block], marks: Sequence[Mark], now_s: float) -> list[int]:
        """Return how many blocks from the beginning on each of the servers is believed to have."""
        self._newest(now_s)
        bits = [self._bits.get(mark, 0) for mark in marks]
        alive = 0
        for bit in bits:
            alive |= bit
        depths: dict[int, int] = {}
        layers = [(generation.held.get, ~generation.gone) for generation in self._generations]
        for depth, block in enumerate(blocks):
            found = 0
            for get, believed in layers:
                found |= get(block, 0) & believed
                if found & alive == alive:
                    break
            else:
                for bit in bits:
                    if bit & alive & ~found:
                        depths[bit] = depth
                alive &= found
                if not alive:
                    break
        return [depths.get(bit, len(blocks)) if bit else 0 for bit in bits]

    def insert(self, blocks: Sequence[Block], mark: Mark, now_s: float, *, heard: bool = False) -> None:
        """Take note that a server is sent a prompt of these blocks. What was `heard` of others is not told to them."""
        if not blocks:
            return
        held, bit = self._newest(now_s).held, self._bit(mark)
        fresh: list[Block] = []
        for block in blocks:
            servers = held.get(block, 0)
            if not servers & bit:
                held[block] = servers | bit
                fresh.append(block)
        if fresh and not heard and self._tellable is not None:
            self._tellable.append((mark, fresh))
            if len(self._tellable) > TELLABLE_MAX:
                self._tellable.popleft()
                self.untold += 1

    def correct(self, blocks: Sequence[Block], mark: Mark, expected: int, reported: int, sent_s: float) -> None:
        """Take note that a server had `reported` of a prompt's blocks, sent then, where `expected` were believed in."""
        if reported + 1 + SLACK * expected >= expected:
            return
        bit, lost = self._bits.get(mark, 0), blocks[reported:expected]
        # The prompt itself was noted in the newest generation of then; what it was expected for stands before that.
        before = [generation for generation in self._generations if generation.began_s <= sent_s][1:]
        while before and not any(before[0].held.get(block, 0) & bit for block in lost):
            del before[0]
        for generation in before:
            generation.gone |= bit

    def forget(self, mark: Mark) -> None:
        """Believe nothing of a server any more, because it was started anew."""
        bit = self._bits.pop(mark, 0)
        if bit:
            # Its bit stands in the generations that there are, and serves nobody else until the last of them is gone.
            self._retired.append((self._generations[0], bit))

    def take_tellable(self, blocks_max: int) -> dict[Mark, list[Block]]:
        """Return what other workers were not told yet, so many blocks at most beyond the first request's."""
        told: dict[Mark, list[Block]] = {}
        left = blocks_max
        while self._tellable and left > 0:
            mark, fresh = self._tellable.popleft()
            told.setdefault(mark, []).extend(fresh)
            left -= len(fresh)
        return told

    def _newest(self, now_s: float) -> _Generation:
        generations, settings = self._generations, self._settings
        if not generations or now_s - generations[0].began_s >= settings.generation_s:
            generations.insert(0, _Generation(now_s))
            oldest_s = now_s - settings.generation_s * settings.generations
            while len(generations) > settings.generations or generations[-1].began_s <= oldest_s:
                self._drop_oldest()
        elif len(generations[0].held) * ENTRY_BYTES * settings.generations > settings.bytes_max:
            generations.insert(0, _Generation(now_s))
            if len(generations) > settings.generations:
                self.evicted_blocks += len(generations[-1].held)
                self._drop_oldest()
        return generations[0]

    def _drop_oldest(self) -> None:
        oldest = self._generations.pop()
        self._free += [bit for generation, bit in self._retired if generation is oldest]
        self._retired = [(generation, bit) for generation, bit in self._retired if generation is not oldest]

    def _bit(self, mark: Mark) -> int:
        bit = self._bits.get(mark)
        if bit is None:
            taken = len(self._bits) + len(self._retired) + len(self._free)
            bit = self._bits[mark] = self._free.pop() if self._free else 1 << taken
        return bit
