"""Who comes in and who goes out: places for those who are waited for, seats and turns for those who are not.

Whoever goes out makes room, first for interactive requests that wait, and for a batch request when none does.
"""

from collections.abc import Iterable

from gateway.core.admission import Place
from gateway.core.batch_queue import Seat
from gateway.domain.limits import EdgeLimits
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Arrival
from gateway.pipeline.world import World
from gateway.policy.snapshot import Tenant


def leave(place: Place, limits: EdgeLimits, world: World) -> None:
    """Count a request out, and let in who waited for its place."""
    let_in(world.admission.leave(place, limits))
    if world.batch.waiting:
        call_next(world)


def let_in(granted: Iterable[Place]) -> None:
    """Wake who waited for a place and has one now."""
    for place in granted:
        assert place.wake is not None, "whoever waits can be woken"
        place.wake()


def take_seat(arrival: Arrival, tenant: Tenant, world: World) -> Seat:
    """Make a request one of the batch lane.

    Raises GatewayError `draining` or `overloaded` (503) where it is turned away.
    """
    seat = arrival.seat = Seat(tenant.id, tenant.share)
    world.batch.sit(seat, world.admission, arrival.snapshot.batch.terms)
    return seat


def step_aside(arrival: Arrival, tenant: Tenant, world: World) -> Seat:
    """Give a place up for a seat: the request turns out to be one of the batch lane. Raises as `take_seat` does."""
    place, arrival.place = arrival.place, None
    assert place is not None, "it has come in as any other"
    leave(place, arrival.snapshot.limits, world)
    return take_seat(arrival, tenant, world)


def call_next(world: World) -> None:
    """Let in the batch request that is next, if there is room to spare for it."""
    endpoints, now_s = world.endpoints, world.clock.now_s()
    seat = world.batch.call(
        world.admission,
        world.policy.snapshot.batch.terms,
        lambda tier, prompt_tokens: endpoints.has_room(tier, now_s, prompt_tokens=prompt_tokens),
    )
    if seat is not None:
        assert seat.wake is not None, "whoever stands in line can be woken"
        seat.wake()


def step_back(seat: Seat, tier: Tier, limits: EdgeLimits, world: World) -> None:
    """Let a batch request wait again whose turn it was, since others took the room on its tier."""
    let_in(world.batch.step_back(seat, tier, world.admission, limits))


def arrived(seat: Seat, world: World) -> None:
    """Take note that a batch request has its place on a server, and let the next one in."""
    world.batch.arrived(seat)
    if world.batch.waiting:
        call_next(world)


def look_after(lag_s: float, now_s: float, world: World) -> None:
    """Do what is due some twenty times a second: `lag_s` is how late the event loop's timers come."""
    let_in(world.admission.tick(lag_s, now_s, world.policy.snapshot.limits))
    if not world.batch.waiting:
        return
    if world.admission.is_draining:
        for seat in world.batch.turn_away():
            assert seat.wake is not None, "whoever stands in line can be woken"
            seat.wake()
    else:
        call_next(world)


def go_out(arrival: Arrival, world: World) -> None:
    """Count a request out that has ended, whatever it had by then."""
    limits = arrival.snapshot.limits
    if arrival.place is not None:
        leave(arrival.place, limits, world)
    elif arrival.seat is not None:
        let_in(world.batch.leave(arrival.seat, world.admission, limits))
        if world.batch.waiting:
            call_next(world)
