"""Who waits for room to spare, who is next, and who is turned away."""

from dataclasses import replace

import pytest

from gateway.core.admission import Admission
from gateway.core.batch_queue import SHED_RETRY_S, BatchQueue, Seat, SeatStage, leaving, why_no_room
from gateway.domain.batch import BatchEnding, BatchTerms
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.outcome import Outcome
from gateway.domain.tier import Tier
from tests.support.tiers import a_tier

TERMS = BatchTerms()
SMALL, LARGE = a_tier("small"), a_tier("large", 1)
LIMITS = EdgeLimits(in_flight=4)


class Worker:
    """A queue beside an admission, whose tiers have room unless they are named in `full`."""

    def __init__(self, limits: EdgeLimits = LIMITS, terms: BatchTerms = TERMS) -> None:
        self.limits = limits
        self.terms = terms
        self.admission = Admission()
        self.queue = BatchQueue()
        self.full: set[Tier] = set()
        self.admission.tick(0.0, 0.0, limits)

    def seat(self, tenant: str = "a", *, share: float = 1.0, size_bytes: int = 1) -> Seat:
        seat = Seat(TenantId(tenant), share)
        take_seat(self, seat, size_bytes)
        return seat

    def stand(self, tenant: str = "a", tier: Tier = SMALL, *, share: float = 1.0) -> Seat:
        seat = self.seat(tenant, share=share)
        self.queue.line_up(seat, tier.name, tier, prompt_tokens=1)
        return seat

    def call(self) -> Seat | None:
        return self.queue.call(self.admission, self.terms, lambda tier, _: tier not in self.full)

    def admit(self) -> Seat | None:
        seat = self.call()
        if seat is not None:
            self.queue.arrived(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        assert self.queue.leave(seat, self.admission, self.limits) == []

    def interactive(self, count: int = 1) -> None:
        for _ in range(count):
            self.admission.enter(KeyId("i"), TenantId("i"), 1.0, self.limits)


def take_seat(worker: Worker, seat: Seat, size_bytes: int) -> None:
    worker.queue.sit(seat, worker.admission, worker.terms)
    worker.queue.weigh(seat, size_bytes, worker.terms)


def shed(worker: Worker, tenant: str = "a", size_bytes: int = 1) -> GatewayError:
    seat = Seat(TenantId(tenant), 1.0)
    with pytest.raises(GatewayError) as caught:
        take_seat(worker, seat, size_bytes)
    assert seat.ending is BatchEnding.SHED
    worker.leave(seat)
    return caught.value


def test_who_stands_in_line_comes_in_in_order_while_there_is_room() -> None:
    worker = Worker()
    first, second, third = worker.stand(), worker.stand(), worker.stand()
    assert (worker.queue.waiting, worker.queue.waiting_bytes) == (3, 3)
    assert [worker.admit(), worker.admit()] == [first, second]
    assert worker.admit() is None, "half of four is filled"
    assert (worker.queue.waiting, worker.queue.in_flight, worker.admission.in_flight) == (1, 2, 2)
    worker.leave(first)
    assert worker.admit() is third
    assert {seat.ending for seat in (first, second, third)} == {BatchEnding.ADMITTED}
    assert worker.queue.waiting_bytes == 0


def test_one_at_a_time_is_on_its_way() -> None:
    worker = Worker()
    first, second = worker.stand(), worker.stand()
    assert worker.call() is first
    assert worker.call() is None
    worker.queue.arrived(second)
    assert worker.call() is None, "it is the other that is on its way"
    worker.queue.arrived(first)
    assert worker.call() is second
    worker.leave(second)
    third = worker.stand()
    assert worker.call() is third, "whoever ends on its way holds up nobody"


def test_who_finds_its_room_taken_is_first_in_line_again() -> None:
    worker = Worker(EdgeLimits(in_flight=2, in_flight_per_key=10))
    first, second = worker.stand(), worker.stand()
    assert worker.call() is first
    worker.interactive(2)
    (place,) = worker.queue.step_back(first, SMALL, worker.admission, worker.limits)
    assert place.is_granted, "what it was lent is for who waits"
    assert (worker.queue.waiting, worker.queue.waiting_bytes, worker.queue.in_flight) == (2, 2, 0)
    worker.admission.leave(place, worker.limits)
    assert worker.call() is None, "one of two is half"
    worker.limits = EdgeLimits(in_flight=4, in_flight_per_key=10)
    worker.admission.tick(0.0, 0.0, worker.limits)
    assert [worker.admit(), worker.call()] == [first, None]
    worker.leave(first)
    assert worker.call() is second


def test_who_was_alone_in_its_line_has_one_again() -> None:
    worker = Worker()
    seat = worker.stand()
    assert worker.call() is seat
    assert worker.queue.step_back(seat, SMALL, worker.admission, worker.limits) == []
    worker.full = {SMALL}
    assert worker.call() is None
    worker.full = set()
    assert worker.admit() is seat


def test_none_comes_in_while_an_interactive_request_waits_or_the_share_is_filled() -> None:
    worker = Worker(EdgeLimits(in_flight=2, in_flight_per_key=10))
    worker.stand()
    worker.interactive()
    assert worker.call() is None, "one of two is half"
    worker.interactive(2)
    assert worker.admission.waiting == 1
    assert worker.call() is None


def test_what_a_batch_request_leaves_is_given_to_who_waits_for_it() -> None:
    worker = Worker(EdgeLimits(in_flight=1, in_flight_per_key=10))
    seat = worker.stand()
    assert worker.admit() is seat
    worker.interactive()
    (place,) = worker.queue.leave(seat, worker.admission, worker.limits)
    assert place.is_granted
    assert worker.admission.in_flight == 1


def test_a_tier_without_room_holds_up_nobody_who_waits_for_another() -> None:
    worker = Worker()
    for_small, for_large = worker.stand(), worker.stand(tier=LARGE)
    worker.full = {SMALL}
    assert worker.admit() is for_large
    assert worker.call() is None
    worker.full = set()
    assert worker.admit() is for_small


def test_lines_take_turns() -> None:
    worker = Worker(EdgeLimits(in_flight=100))
    small = [worker.stand() for _ in range(2)]
    large = [worker.stand(tier=LARGE) for _ in range(2)]
    assert [worker.admit() for _ in range(4)] == [small[0], large[0], small[1], large[1]]


def test_the_tenant_with_the_least_under_way_for_its_share_is_next() -> None:
    worker = Worker(EdgeLimits(in_flight=100))
    for _ in range(6):
        worker.stand("a")
        worker.stand("b", share=2.0)
    order = [seat.tenant for _ in range(6) if (seat := worker.admit()) is not None]
    assert order.count(TenantId("b")) == 4


def test_a_share_that_the_policy_changes_counts_from_then_on() -> None:
    worker = Worker(terms=replace(TERMS, queue=4))
    worker.seat("b")
    seats = [worker.seat() for _ in range(2)]
    shed(worker)
    grown = Seat(TenantId("a"), 3.0)
    worker.queue.sit(grown, worker.admission, worker.terms)
    for seat in (*seats, grown):
        worker.leave(seat)


def test_a_tenant_has_its_share_of_the_queue() -> None:
    worker = Worker(terms=replace(TERMS, queue=2))
    first = worker.seat()
    worker.seat()
    error = shed(worker)
    assert (error.code, error.retry_after_s) == (ErrorCode.OVERLOADED, SHED_RETRY_S)
    assert error.outcome is Outcome.NO_SPARE_ROOM
    assert "2 batch requests of this tenant wait already" in error.message
    worker.seat("b")
    worker.leave(first)
    shed(worker)


def test_the_bodies_of_those_that_wait_are_bounded_but_one_may_always_wait() -> None:
    worker = Worker(terms=replace(TERMS, queue_bytes=10))
    seat = worker.seat(size_bytes=11)
    assert "the bodies of 1 batch requests" in shed(worker, size_bytes=1).message
    worker.leave(seat)
    assert worker.queue.waiting_bytes == 0
    worker.seat(size_bytes=5)
    worker.seat(size_bytes=5)
    shed(worker, size_bytes=1)


def test_new_ones_are_turned_away_while_interactive_requests_wait() -> None:
    worker = Worker(EdgeLimits(in_flight=1, in_flight_per_key=10))
    worker.interactive(2)
    error = shed(worker)
    assert error.code is ErrorCode.OVERLOADED
    assert "1 interactive requests wait" in error.message


def test_a_worker_that_goes_away_takes_none_and_turns_away_who_waits() -> None:
    worker = Worker()
    waiting = [worker.stand(), worker.stand(tier=LARGE), worker.stand("b")]
    worker.admission.resign()
    assert shed(worker).code is leaving().code is ErrorCode.DRAINING
    worker.admission.drain()
    assert worker.call() is None
    assert set(worker.queue.turn_away()) == set(waiting)
    for seat in waiting:
        assert (seat.ending, seat.stage) == (BatchEnding.SHED, SeatStage.SEATED)
        worker.leave(seat)
    assert worker.queue.waiting == worker.queue.waiting_bytes == 0


def test_who_withdraws_is_called_no_more_and_who_was_called_stays_admitted() -> None:
    worker = Worker()
    first, second = worker.stand(), worker.stand()
    worker.queue.withdraw(first, BatchEnding.EXPIRED)
    assert worker.call() is second
    worker.queue.withdraw(second, BatchEnding.EXPIRED)
    assert (first.ending, second.ending) == (BatchEnding.EXPIRED, BatchEnding.ADMITTED)
    worker.leave(first)
    worker.leave(second)
    assert worker.admission.in_flight == worker.queue.in_flight == 0


def test_who_leaves_from_the_line_is_gone_and_leaves_once() -> None:
    worker = Worker()
    seat = worker.stand()
    worker.leave(seat)
    worker.leave(seat)
    assert (seat.ending, worker.queue.waiting) == (BatchEnding.GONE, 0)


def test_a_request_that_never_stood_in_line_did_not_need_to() -> None:
    worker = Worker()
    seat = worker.seat()
    worker.leave(seat)
    assert seat.ending is BatchEnding.UNNEEDED


@pytest.mark.parametrize(
    ("interactive", "in_service", "has_room", "told"),
    [
        (6, True, True, "2 interactive requests wait for room themselves"),
        (3, True, True, "3 requests are under way, and batch requests are let in below 2"),
        (0, False, False, "no server of the tier small is in service"),
        (0, True, False, "leave none to spare"),
        (0, True, True, "others were before it"),
    ],
)
def test_what_is_waited_for_is_told(interactive: int, in_service: bool, has_room: bool, told: str) -> None:
    worker = Worker(replace(LIMITS, in_flight_per_key=10))
    worker.interactive(interactive)
    assert told in why_no_room(worker.admission, TERMS, SMALL, in_service=in_service, has_room=has_room)
