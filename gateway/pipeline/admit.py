"""Stage 1, admit: who calls, may they, and is there room. The body is read last, so that a bad key costs none of it."""

import asyncio
from hashlib import sha256

from gateway.core.admission import Place
from gateway.domain.batch import Priority
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.pipeline.journey import Admitted, Arrival
from gateway.pipeline.places import leave, take_seat
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot, VirtualKey
from gateway.ports import Headers
from gateway.wire.caller_limits import caller_limits
from gateway.wire.headers import check_content_headers, credential
from gateway.wire.priority import asked_priority

_WAIT_SHARE = 0.1
"""Of the time that a caller allows, as much may be spent waiting for a place: more would be lost to the answer."""
_PATIENCE_S = 86_400.0
"""Longer than any route's deadline: which route it will be is not known before the body is read."""


async def admit(arrival: Arrival, world: World) -> Admitted:
    """Check media type and key, count the request in, and read its body.

    A request of the batch lane takes a seat among those that wait, and no place among those under way.
    """
    inbound, snapshot = arrival.inbound, arrival.snapshot
    key = identify(inbound.headers, snapshot)
    check_content_headers(inbound.headers)
    limits, tenant = snapshot.limits, key.tenant
    if asked_priority(inbound.headers) is Priority.BATCH or key.priority is Priority.BATCH:
        take_seat(arrival, tenant, world)
    else:
        place = world.admission.enter(key.id, tenant.id, tenant.share, limits)
        if not place.is_granted:
            await _wait_for(place, inbound.headers, limits, world)
        arrival.place = place
    return Admitted(arrival, key, await inbound.read_body(limits.body_bytes, limits.body_timeout_s))


async def _wait_for(place: Place, headers: Headers, limits: EdgeLimits, world: World) -> None:
    """Wait for a place; the body is not read meanwhile. Raises GatewayError `overloaded`."""
    room = asyncio.Event()
    place.wake = room.set
    allowed_s = caller_limits(headers, _PATIENCE_S).deadline_s
    wait_s = limits.queue_wait_s if allowed_s is None else min(limits.queue_wait_s, _WAIT_SHARE * allowed_s)
    try:
        async with asyncio.timeout(wait_s):
            await room.wait()
    except TimeoutError:
        if not place.is_granted:
            raise world.admission.give_up(place) from None
    except asyncio.CancelledError:
        if place.is_granted:
            leave(place, limits, world)
        else:
            world.admission.withdraw(place)
        raise


def identify(headers: Headers, snapshot: PolicySnapshot) -> VirtualKey:
    """Find whose key the headers carry, by its digest alone.

    Raises GatewayError `missing_api_key` or `invalid_api_key` (401).
    """
    presented = credential(headers)
    if snapshot.open_key is not None:
        return snapshot.open_key
    if presented is None:
        message = "No API key was given. Send it as `Authorization: Bearer <key>`."
        raise GatewayError(ErrorCode.MISSING_API_KEY, message)
    key = snapshot.keys.get(sha256(presented).digest())
    if key is None:
        message = "The API key is not known to this gateway. Check it for a typo, or ask who runs the gateway for one."
        raise GatewayError(ErrorCode.INVALID_API_KEY, message)
    return key
