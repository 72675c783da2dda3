"""How long the prompt of a Messages request is: the estimate that routing goes by, without asking anybody."""

from gateway.pipeline.admit import identify, leave
from gateway.pipeline.canonicalise import find_target
from gateway.pipeline.world import World
from gateway.ports import Inbound
from gateway.wire.dialects import read_prompt
from gateway.wire.headers import check_content_headers


async def count_tokens(inbound: Inbound, world: World) -> int:
    """Estimate the tokens of a prompt. Raises GatewayError as any request does, and ClientGone.

    It takes a place among the requests under way while its body is read, and waits for none.
    """
    snapshot = world.policy.snapshot
    key, limits = identify(inbound.headers, snapshot), snapshot.limits
    check_content_headers(inbound.headers)
    place = world.admission.enter(key.id, key.tenant.id, key.tenant.share, limits)
    if not place.is_granted:
        raise world.admission.give_up(place)
    try:
        request = read_prompt(await inbound.read_body(limits.body_bytes, limits.body_timeout_s), limits)
        find_target(snapshot, key, request.alias)
        return request.input_tokens
    finally:
        leave(place, limits, world)
