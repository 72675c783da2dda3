"""Who goes out makes room: first for those who are waited for, then for batch requests, one after the other."""

import asyncio

from gateway.core.batch_queue import Seat, SeatStage
from gateway.domain.ids import KeyId, TenantId, TierName
from gateway.pipeline.places import arrived, call_next, leave, look_after
from tests.support.gateways import TWO_TIERS, Gateway

SMALL = TierName("small")


def stand(gateway: Gateway) -> Seat:
    """A batch request that waits for the small tier; its stage tells whether it was called."""
    seat, batch = Seat(TenantId("a"), 1.0), gateway.policy.snapshot.batch
    gateway.world.batch.sit(seat, gateway.world.admission, batch.terms)
    seat.wake = asyncio.Event().set
    gateway.world.batch.line_up(seat, SMALL, batch.tiers[SMALL], prompt_tokens=1)
    return seat


def stages(*seats: Seat) -> list[SeatStage]:
    return [seat.stage for seat in seats]


def test_batch_requests_are_called_one_after_the_other_as_they_arrive_at_their_servers() -> None:
    gateway = Gateway()
    first, second = stand(gateway), stand(gateway)
    call_next(gateway.world)
    call_next(gateway.world)
    assert stages(first, second) == [SeatStage.ADMITTED, SeatStage.IN_LINE]
    arrived(first, gateway.world)
    assert stages(first, second) == [SeatStage.ADMITTED, SeatStage.ADMITTED]
    arrived(second, gateway.world)
    assert gateway.world.admission.in_flight == 2


def test_who_waits_is_let_in_before_a_batch_request_is_called() -> None:
    gateway = Gateway(TWO_TIERS + "limits: {in_flight: 1}\n")
    world, limits = gateway.world, gateway.policy.snapshot.limits
    place = world.admission.enter(KeyId("a"), TenantId("a"), 1.0, limits)
    seat = stand(gateway)
    waits = world.admission.enter(KeyId("a"), TenantId("a"), 1.0, limits)
    waits.wake = asyncio.Event().set
    leave(place, limits, world)
    assert waits.is_granted
    assert stages(seat) == [SeatStage.IN_LINE]
    leave(waits, limits, world)
    assert stages(seat) == [SeatStage.ADMITTED]


def test_the_worker_looks_after_its_queue_while_nobody_comes_or_goes() -> None:
    gateway = Gateway()
    look_after(0.0, 1.0, gateway.world)
    seat = stand(gateway)
    look_after(0.0, 2.0, gateway.world)
    assert stages(seat) == [SeatStage.ADMITTED]
    arrived(seat, gateway.world)
    late = stand(gateway)
    gateway.world.admission.drain()
    look_after(0.0, 3.0, gateway.world)
    assert stages(late) == [SeatStage.SEATED]
