"""A batch request's turn: it waits, with nothing sent and no server called, until there is room to spare for it.

It waits for the tier that it is meant for, and climbs to no dearer one because that is full: time is what it has.
"""

import asyncio
from contextlib import suppress

from gateway.core.batch_queue import Seat, SeatStage, leaving, why_no_room
from gateway.domain.batch import BatchEnding
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.outcome import Outcome
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Canonical
from gateway.pipeline.places import call_next, step_back
from gateway.pipeline.world import World
from gateway.ports import ClientGone
from gateway.wire.caller_limits import CallerLimits

_WAIT_SHARE = 0.9
"""Of the time that a caller allows: what is left is for the answer."""


async def wait_for_turn(seat: Seat, canonical: Canonical, tier: Tier, limits: CallerLimits, world: World) -> None:
    """Stand in line for a tier until it is this request's turn.

    Raises GatewayError `deadline_exceeded` (504) when its time to wait is up, `draining` (503) when the worker goes
    away, and ClientGone.
    """
    arrival, batch, now_s = canonical.admitted.arrival, world.batch, world.clock.now_s
    terms = arrival.snapshot.batch.terms
    allowed_s = terms.wait_s if limits.deadline_s is None else min(terms.wait_s, _WAIT_SHARE * limits.deadline_s)
    began_s, turn = now_s(), asyncio.Event()
    seat.wake = turn.set
    batch.line_up(seat, (arrival.snapshot.id, tier.name), tier, canonical.request.input_tokens)
    arrival.responder.watch(turn.set)
    while True:
        call_next(world)
        try:
            # One that is called as its time runs out has its turn.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, arrival.received_s + allowed_s - now_s())):
                    await turn.wait()
        except asyncio.CancelledError:
            batch.withdraw(seat, BatchEnding.SHED)
            raise
        finally:
            seat.waited_s = now_s() - began_s
        if arrival.responder.gone.is_set():
            batch.withdraw(seat, BatchEnding.GONE)
            raise ClientGone
        if seat.stage is SeatStage.IN_LINE:
            raise _expired(seat, tier, world)
        if seat.stage is not SeatStage.ADMITTED:
            raise leaving()
        if world.endpoints.has_room(tier, now_s(), prompt_tokens=seat.prompt_tokens):
            return
        # An interactive request took the room before this one could be woken.
        turn.clear()
        step_back(seat, tier, arrival.snapshot.limits, world)


def _expired(seat: Seat, tier: Tier, world: World) -> GatewayError:
    now_s = world.clock.now_s()
    why = why_no_room(
        world.admission,
        world.policy.snapshot.batch.terms,
        tier,
        in_service=world.endpoints.serves(tier, now_s),
        has_room=world.endpoints.has_room(tier, now_s, prompt_tokens=seat.prompt_tokens),
    )
    world.batch.withdraw(seat, BatchEnding.EXPIRED)
    message = (
        f"The batch request waited {seat.waited_s:.1f} s for room on the tier {tier.name} and got none: {why}. "
        "Send it again later, allow it more time, or send it as an interactive request."
    )
    return GatewayError(ErrorCode.DEADLINE_EXCEEDED, message, outcome=Outcome.NO_SPARE_ROOM)
