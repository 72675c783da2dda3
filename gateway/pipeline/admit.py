"""Stage 1, admit: who calls, may they, and is there room. The body is read last, so that a bad key costs none of it."""

from hashlib import sha256

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.pipeline.journey import Admitted, Arrival
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot, VirtualKey
from gateway.ports import Headers
from gateway.wire.headers import check_content_headers, credential


async def admit(arrival: Arrival, world: World) -> Admitted:
    """Check media type and key, count the request in, and read its body."""
    inbound, snapshot = arrival.inbound, arrival.snapshot
    key = identify(inbound.headers, snapshot)
    check_content_headers(inbound.headers)
    limits = snapshot.limits
    world.admission.enter(key.id, limits)
    body = None
    try:
        body = await inbound.read_body(limits.body_bytes, limits.body_timeout_s)
    finally:
        if body is None:
            world.admission.leave(key.id)
    return Admitted(arrival, key, body)


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
