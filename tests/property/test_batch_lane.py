"""Whatever comes and goes in whatever order: what batch requests never do, and what they are there for."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.admission import Admission, Place
from gateway.core.batch_queue import BatchQueue, Seat, SeatStage
from gateway.domain.batch import BatchEnding, BatchTerms
from gateway.domain.errors import GatewayError
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.tier import Tier
from tests.support.tiers import a_tier

LIMITS = EdgeLimits(in_flight=6, queue=4, in_flight_per_key=1_000)
TERMS = BatchTerms(fill=0.5, queue=6, queue_bytes=100)
TIERS = (a_tier("small"), a_tier("large", 1))
SERVER_FILL = 2
"""Batch requests that each tier's server has room for."""
TENANTS = (TenantId("a"), TenantId("b"))
STEPS = ("enter", "leave", "sit", "stand", "call", "arrive", "step_back", "expire", "end")


@dataclass
class House:
    """An admission and a queue, with everybody who is in them."""

    admission: Admission = field(default_factory=Admission)
    queue: BatchQueue = field(default_factory=BatchQueue)
    places: list[Place] = field(default_factory=list)
    """Of interactive requests, those that wait among them."""
    seats: list[Seat] = field(default_factory=list)
    tier_of: dict[Seat, Tier] = field(default_factory=dict)
    ended: list[Seat] = field(default_factory=list)
    came: int = 0
    arrived: set[Seat] = field(default_factory=set)
    """Batch requests that have their places on servers."""

    def step(self, what: str, at: int) -> None:
        """Take one step; `at` chooses who takes it, where there are several."""
        {
            "enter": self.enter,
            "leave": self.leave,
            "sit": self.sit,
            "stand": self.stand,
            "call": self.call,
            "arrive": self.arrive,
            "step_back": self.step_back,
            "expire": self.expire,
            "end": self.end,
        }[what](at)

    def enter(self, at: int) -> None:
        tenant = TENANTS[at % 2]
        try:
            self.places.append(self.admission.enter(KeyId(tenant), tenant, 1.0, LIMITS))
        except GatewayError:
            assert self.admission.waiting, "only a queue that holds somebody turns away"

    def leave(self, at: int) -> None:
        granted = [place for place in self.places if place.is_granted]
        if granted:
            place = granted[at % len(granted)]
            self.places.remove(place)
            self.admission.leave(place, LIMITS)

    def sit(self, at: int) -> None:
        self.came += 1
        seat = Seat(TENANTS[at % 2], 1.0 + at % 2)
        waited = self.admission.waiting
        try:
            self.queue.sit(seat, self.admission, TERMS)
            assert not waited, "while others wait, who may wait elsewhere does"
            self.queue.weigh(seat, 10 * (at % 5), TERMS)
        except GatewayError:
            assert seat.ending is BatchEnding.SHED
            self.finish(seat)
        else:
            self.seats.append(seat)

    def stand(self, at: int) -> None:
        for seat in self.some(SeatStage.SEATED, at):
            tier = TIERS[at % 2]
            self.tier_of[seat] = tier
            self.queue.line_up(seat, tier.name, tier, prompt_tokens=1)

    def call(self, at: int) -> None:
        waited, in_flight = self.admission.waiting, self.admission.in_flight
        on_its_way = [seat for seat in self.seats if seat.stage is SeatStage.ADMITTED and seat not in self.arrived]
        seat = self.queue.call(self.admission, TERMS, lambda tier, _: self.on(tier) < SERVER_FILL)
        if seat is None:
            return
        assert not waited, "nobody waits while a batch request comes in"
        assert in_flight < TERMS.fill * self.admission.limit
        assert not on_its_way
        assert self.on(self.tier_of[seat]) <= SERVER_FILL

    def arrive(self, at: int) -> None:
        for seat in self.some(SeatStage.ADMITTED, at):
            self.queue.arrived(seat)
            self.arrived.add(seat)

    def step_back(self, at: int) -> None:
        for seat in self.seats:
            if seat.stage is SeatStage.ADMITTED and seat not in self.arrived:
                self.queue.step_back(seat, self.tier_of[seat], self.admission, LIMITS)

    def expire(self, at: int) -> None:
        for seat in self.some(SeatStage.IN_LINE, at):
            self.queue.withdraw(seat, BatchEnding.EXPIRED)
            self.finish(seat)

    def end(self, at: int) -> None:
        if self.seats:
            self.finish(self.seats[at % len(self.seats)])

    def finish(self, seat: Seat) -> None:
        """End a batch request, wherever it is."""
        if seat in self.seats:
            self.seats.remove(seat)
        self.queue.leave(seat, self.admission, LIMITS)
        self.ended.append(seat)

    def some(self, stage: SeatStage, at: int) -> list[Seat]:
        """Return one of those at a stage, if there are any."""
        found = [seat for seat in self.seats if seat.stage is stage]
        return [found[at % len(found)]] if found else []

    def on(self, tier: Tier) -> int:
        """Count the batch requests that are under way on a tier."""
        return sum(seat.stage is SeatStage.ADMITTED and self.tier_of[seat] is tier for seat in self.seats)

    def check(self) -> None:
        """Hold the counts against those who are there."""
        stages = Counter(seat.stage for seat in self.seats)
        granted = sum(place.is_granted for place in self.places)
        assert self.queue.in_flight == stages[SeatStage.ADMITTED]
        assert self.queue.waiting == stages[SeatStage.IN_LINE]
        here = (seat.size_bytes for seat in self.seats if seat.stage is not SeatStage.ADMITTED)
        assert self.queue.waiting_bytes == sum(here)
        assert self.admission.in_flight == granted + self.queue.in_flight <= self.admission.limit
        assert self.came == len(self.seats) + len(self.ended)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=80))
def test_whatever_happens_nobody_waits_behind_a_batch_request_and_the_books_balance(
    steps: list[tuple[str, int]],
) -> None:
    house = House()
    house.admission.tick(0.0, 0.0, LIMITS)
    for what, at in steps:
        house.step(what, at)
        house.check()
    for seat in list(house.seats):
        house.finish(seat)
    assert len(house.ended) == house.came == len(set(house.ended)), "each has ended once"
    assert (house.queue.in_flight, house.queue.waiting, house.queue.waiting_bytes) == (0, 0, 0)


class Day:
    """A worker and its one server, second by second: each request takes a second, and batch requests never run out."""

    def __init__(self, limits: EdgeLimits) -> None:
        self.limits = limits
        self.admission = Admission()
        self.queue = BatchQueue()
        self.terms = BatchTerms()
        self.interactive: list[Place] = []
        self.batch: list[Seat] = []
        self.shed = 0

    def seconds(self, demand: Iterator[int]) -> Iterator[tuple[int, int, int]]:
        """Yield what is under way in each second: interactive requests, those that wait, and batch requests."""
        for now_s, interactive in enumerate(demand, 1):
            for place in [place for place in self.interactive if place.is_granted]:
                self.interactive.remove(place)
                self.admission.leave(place, self.limits)
            for seat in [seat for seat in self.batch if seat.stage is SeatStage.ADMITTED]:
                self.batch.remove(seat)
                self.queue.leave(seat, self.admission, self.limits)
            self.admission.tick(0.0, float(now_s), self.limits)
            for _ in range(interactive):
                self.interactive.append(self.admission.enter(KeyId("i"), TenantId("i"), 1.0, self.limits))
            self.fill()
            granted = sum(place.is_granted for place in self.interactive)
            yield granted, self.admission.waiting, self.queue.in_flight

    def fill(self) -> None:
        """Let as many batch requests come as find a seat, and call as many as there is room for."""
        for _ in range(self.limits.in_flight):
            seat = Seat(TenantId("b"), 1.0)
            try:
                self.queue.sit(seat, self.admission, self.terms)
            except GatewayError:
                self.shed += 1
                continue
            self.queue.line_up(seat, "small", TIERS[0], prompt_tokens=1)
            self.batch.append(seat)
        while (called := self.queue.call(self.admission, self.terms, lambda *_: True)) is not None:
            self.queue.arrived(called)


def test_what_interactive_requests_leave_is_filled_and_nothing_beyond() -> None:
    limits = EdgeLimits(in_flight=100, queue=1_000, in_flight_per_key=10_000)
    day = Day(limits)
    demand = [0, 10, 30, 50, 80, 100, 30, 0]
    seen = list(day.seconds(iter(demand)))
    assert [batch for _, _, batch in seen] == [50, 40, 20, 0, 0, 0, 20, 50]
    assert [interactive for interactive, _, _ in seen] == demand, "none of them waited"
    assert day.shed == 0


def test_in_a_flood_batch_requests_are_turned_away_and_come_back_when_it_is_over() -> None:
    limits = EdgeLimits(in_flight=100, queue=1_000, in_flight_per_key=10_000)
    day = Day(limits)
    seen = list(day.seconds(iter([20, 250, 0, 0, 0])))
    assert seen == [(20, 0, 30), (100, 150, 0), (100, 50, 0), (50, 0, 0), (0, 0, 50)]
    assert day.shed == 2 * limits.in_flight, "whoever came while others waited"
