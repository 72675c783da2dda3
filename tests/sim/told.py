"""One request with everything that is known of it: what the checks are asked about."""

from collections.abc import Sequence
from typing import Final

from gateway.domain.receipt import Receipt
from tests.sim.call import Call
from tests.sim.client import SimClient
from tests.sim.policies import BATCH_WAIT_S
from tests.sim.reading import PING, read
from tests.sim.run import Run, number_of

EXACT, COALESCED = "exact", "coalesced"
"""What receipts say of answers that no server was asked for."""
_DONE: Final = b"data: [DONE]\n\n"
ALIVE_S: Final = 2.5
"""How long a request may live on behind its deadline."""
INSTANT_S: Final = 1e-6
"""Timers are of whole microseconds."""
_PATIENCE_MIN_S: Final = 1.0
_PINNED_DEADLINE_S: Final = 600.0
"""An alias of a tier has no route in the policy, and so the default."""


class Told:
    """A request."""

    def __init__(self, run: Run, client: SimClient, receipt: Receipt) -> None:
        self.run = run
        self.ask = client.ask
        self.client = client
        self.receipt = receipt
        self.calls = [call for call in run.calls if call.question.ask == client.ask.number]
        self.read = read(client)

    @property
    def is_there(self) -> bool:
        """Tell whether the client was there to the end."""
        return self.client.left_s is None and not self.client.was_cut

    @property
    def is_hit(self) -> bool:
        """Tell whether it was given, or began to be given, what another request was answered with."""
        return self.receipt.cache in (EXACT, COALESCED)

    @property
    def is_followed_live(self) -> bool:
        """Tell whether its client has read another request's stream as it came, byte by byte."""
        call, parts = self.writing(), self.client.responder.parts
        is_streamed = call is not None and call.question.stream
        # A kept answer that is told as a stream is told at once, with its end.
        is_told_again = any(part.endswith(_DONE) and part != _DONE for part in parts)
        return self.receipt.cache == COALESCED and is_streamed and not is_told_again

    def is_same(self, other: "Told") -> bool:
        """Tell whether another request asks the same, on behalf of the same tenant."""
        mine, theirs = self.ask, other.ask
        is_twin = (mine.number if mine.twin_of < 0 else mine.twin_of) == (
            theirs.number if theirs.twin_of < 0 else theirs.twin_of
        )
        return is_twin and (not self.run.case.shape.keyed or mine.tenant == theirs.tenant)

    def serving(self) -> Call | None:
        """Return the call of this request whose answer the client has."""
        call = self.writing()
        return call if call is not None and call.question.ask == self.ask.number else None

    def writing(self) -> Call | None:
        """Return the call whose answer the client has, of whichever request."""
        calls, made_by = self.run.calls, self.read.made_by
        return next((call for call in calls if (call.question.ask, call.question.call) == made_by), None)

    def others(self) -> list["Told"]:
        """Return the other requests that came before this one was over."""
        run, over_s = self.run, self.client.over_s
        theirs = [(run.clients[number_of(receipt.request_id)], receipt) for receipt in run.receipts]
        came = [each for each in theirs if over_s is None or each[0].came_s <= over_s]
        return [Told(run, client, receipt) for client, receipt in came if client is not self.client]

    def content_s(self) -> float | None:
        """Tell when the client had the first of an answer, beside what only keeps connections open."""
        responder = self.client.responder
        had = zip(responder.part_times_s, responder.parts, strict=True)
        return next((at_s for at_s, part in had if not part.startswith(PING)), None)

    def end_s(self) -> float | None:
        """Tell when the client had the end of a whole stream."""
        responder = self.client.responder
        return responder.part_times_s[-1] if self.read.done and responder.finished else None

    def ends_by_s(self) -> float:
        """Tell by when the request must be over, were the client always ready to read."""
        patience_s = self.ask.patience_s
        deadline_s = self.run.case.shape.deadline_s if self.ask.is_routed else _PINNED_DEADLINE_S
        if self.ask.batch:
            deadline_s += BATCH_WAIT_S
        if patience_s:
            deadline_s = min(deadline_s, max(patience_s, _PATIENCE_MIN_S))
        if self.ask.deadline_ms:
            deadline_s = min(deadline_s, self.ask.deadline_ms / 1e3)
        before_s = self.ask.body_s + self.ask.scored_in_s
        return extended(self._received_s() + max(deadline_s, before_s), self.run.stood_s) + ALIVE_S

    def _received_s(self) -> float:
        """Tell when the gateway can first have known of the request: not while its process stood still."""
        came_s = self.client.came_s
        return max([came_s, *(to_s for from_s, to_s in self.run.stood_s if from_s <= came_s + INSTANT_S)])


def extended(by_s: float, waits_s: Sequence[tuple[float, float]]) -> float:
    """Put a limit off by the waits for others that it falls into."""
    for from_s, to_s in sorted(waits_s):
        if from_s <= by_s + ALIVE_S:
            by_s = max(by_s, to_s)
    return by_s
