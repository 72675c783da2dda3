"""How long the prompt of a Messages request is: its server's own count, or the estimate that routing goes by."""

import asyncio
from typing import Final

import httpx
import msgspec

from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.tier import Endpoint, Tier
from gateway.pipeline.admit import identify
from gateway.pipeline.canonicalise import find_target
from gateway.pipeline.places import leave
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot, Target
from gateway.ports import Headers, Inbound, ready_request
from gateway.wire.dialects import read_prompt
from gateway.wire.forward import native_body
from gateway.wire.headers import ANTHROPIC_BETA_HEADER, check_content_headers, upstream_headers
from gateway.wire.messages.unsigned import without_unsigned

COUNT_WITHIN_S: Final = 5.0
"""How long a server may take over it; Anthropic's takes some tenths of a second."""
_ANSWER_BYTES_MAX: Final = 4_096


class _Counted(msgspec.Struct):
    input_tokens: int


_counted = msgspec.json.Decoder(_Counted)


async def count_tokens(inbound: Inbound, world: World) -> int:
    """Count the tokens of a prompt. Raises GatewayError as any request does, and ClientGone.

    Where the model stands for one tier whose servers speak the Messages API, one of them is asked; where that does not
    say in time, or another tier might answer, it is estimated. It takes a place among the requests under way, and waits
    for none.
    """
    snapshot = world.policy.snapshot
    key, limits = identify(inbound.headers, snapshot), snapshot.limits
    check_content_headers(inbound.headers)
    place = world.admission.enter(key.id, key.tenant.id, key.tenant.share, limits)
    if not place.is_granted:
        raise world.admission.give_up(place)
    try:
        request = read_prompt(await inbound.read_body(limits.body_bytes, limits.body_timeout_s), limits)
        tier = _only_tier(snapshot, find_target(snapshot, key, request.alias))
        counted = None if tier is None else await _ask(request, tier, inbound.headers, world)
        return request.input_tokens if counted is None else counted
    finally:
        leave(place, limits, world)


def _only_tier(snapshot: PolicySnapshot, target: Target) -> Tier | None:
    """Return the tier that alone may answer, if there is such a one: of several each has tokens of its own."""
    names = snapshot.routes[target.route].tiers if target.tier is None else (target.tier,)
    return snapshot.tiers[names[0]] if len(names) == 1 else None


async def _ask(request: CanonicalRequest, tier: Tier, headers: Headers, world: World) -> int | None:
    """Return what a server of the tier counts; None where none speaks that API, is well, and says so in time."""
    endpoint = next((each for each in tier.endpoints if Operation.MESSAGES in each.apis), None)
    if endpoint is None or world.endpoints.unavailable((tier,), world.clock.now_s()):
        return None
    asked = _asked(request, tier, endpoint, headers, world)
    try:
        async with asyncio.timeout(COUNT_WITHIN_S):
            response = await world.transports[endpoint.transport].handle_async_request(asked)
            try:
                body = await _beginning(response)
            finally:
                await response.aclose()
        return _counted.decode(body).input_tokens if response.status_code == 200 else None
    except (httpx.TransportError, TimeoutError, msgspec.DecodeError):
        return None


def _asked(request: CanonicalRequest, tier: Tier, endpoint: Endpoint, headers: Headers, world: World) -> httpx.Request:
    assert request.native is not None, "a Messages request is one"
    body = native_body(request.native.body, tier.model)
    if endpoint.wants_signatures:
        body, _ = without_unsigned(body)
    credential = None if endpoint.api_key is None else endpoint.api_key.reveal()
    told = upstream_headers(world.new_request_id(), credential, stream=False, key_header=endpoint.takes_key_header)
    told += [(name, value) for name, value in headers if name == ANTHROPIC_BETA_HEADER]
    url = httpx.URL(f"{endpoint.base_url}/messages/count_tokens")
    return ready_request(url, told, body, connect_timeout_s=tier.limits.connect_s)


async def _beginning(response: httpx.Response) -> bytes:
    """Read an answer, of one that is too long its beginning."""
    parts = b""
    async for part in response.stream:  # type: ignore[union-attr] # an async transport's
        parts += part
        if len(parts) > _ANSWER_BYTES_MAX:
            break
    return parts[:_ANSWER_BYTES_MAX]
