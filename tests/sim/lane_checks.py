"""What must hold of requests that wait for room to spare: they come behind everybody, and each has an end."""

from collections.abc import Callable, Iterator
from typing import Final

from gateway.domain.batch import BatchEnding, Priority
from gateway.domain.errors import ErrorCode
from tests.sim.policies import BATCH_WAIT_S
from tests.sim.told import INSTANT_S, Told, extended

LATE_S: Final = 0.3
"""How much longer than it may a request waits: until the event loop comes to it."""
_WAIT_SHARE: Final = 0.9
_TOLD: Final = {
    BatchEnding.EXPIRED: (ErrorCode.DEADLINE_EXCEEDED,),
    BatchEnding.SHED: (ErrorCode.OVERLOADED, ErrorCode.DRAINING),
}
"""What is said to one that is not let in."""


def lanes_are_told_apart(told: Told) -> Iterator[str]:
    """A batch request is recorded as one, with one ending; nothing else is."""
    receipt = told.receipt
    if (receipt.priority is Priority.BATCH) != told.ask.batch or (receipt.batch is not None) != told.ask.batch:
        yield f"lane: a request recorded as {receipt.priority}, its ending as {receipt.batch}"


def who_is_not_let_in_is_told_and_calls_nobody(told: Told) -> Iterator[str]:
    """No server is called for a request that has not had its turn, and it is told why."""
    note, error = told.receipt.batch, told.receipt.error
    if note is None:
        return
    if note.ending is not BatchEnding.ADMITTED and told.calls:
        yield f"lane: {len(told.calls)} calls for a batch request that was {note.ending}"
    said = _TOLD.get(note.ending)
    if said is not None and error not in said:
        yield f"lane: a batch request that was {note.ending} was told {error}"


def nobody_waits_for_longer_than_it_may(told: Told) -> Iterator[str]:
    """Who waits in line waits as long as the policy and its caller allow, and no longer."""
    note, ask = told.receipt.batch, told.ask
    if note is None or not note.waited_ms:
        return
    most_s = min(BATCH_WAIT_S, _WAIT_SHARE * ask.deadline_ms / 1e3) if ask.deadline_ms else BATCH_WAIT_S
    by_s = extended(told.client.came_s + most_s, told.run.stood_s) + LATE_S
    waited_s = note.waited_ms / 1e3
    if waited_s > by_s - told.client.came_s:
        yield f"lane: in line for {waited_s:.3f} s, and may be for {most_s:.3f}"


def they_come_where_there_is_room_to_spare(told: Told) -> Iterator[str]:
    """A batch request is sent to a server that has less under way than such requests may fill."""
    if not told.ask.batch:
        return
    run, shape = told.run, told.run.case.shape
    most = max(1, shape.in_flight * shape.fill_percent // 100)
    gateway = run.case.gateway_of(told.ask.number)
    for call in told.calls:
        at_s = call.began_s
        beside = [
            one
            for one in run.calls
            if one is not call
            and one.host == call.host
            and run.case.gateway_of(one.question.ask) == gateway
            and one.began_s < at_s - INSTANT_S
            and (one.ended_s is None or one.ended_s > at_s + INSTANT_S)
        ]
        if len(beside) >= most:
            yield f"lane: a batch request was sent to {call.host} beside {len(beside)} others, and may be below {most}"


LANE_CHECKS: Final[tuple[Callable[[Told], Iterator[str]], ...]] = (
    lanes_are_told_apart,
    who_is_not_let_in_is_told_and_calls_nobody,
    nobody_waits_for_longer_than_it_may,
    they_come_where_there_is_room_to_spare,
)
