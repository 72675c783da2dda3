"""Answer from the cache: the kept body as it is, or told again as a stream."""

from gateway.core.accounting import baseline_usd_nano
from gateway.domain.identity import CachedAnswer
from gateway.domain.outcome import Outcome
from gateway.domain.usage import TokenUsage
from gateway.pipeline.hold import place_hold
from gateway.pipeline.journey import Canonical, Trail
from gateway.pipeline.respond import send_whole
from gateway.pipeline.world import World
from gateway.wire.headers import JSON, STREAM_HEADERS, tiergate_headers
from gateway.wire.replay import replay_stream

_OK = 200


async def replay(trail: Trail, hit: CachedAnswer, world: World) -> None:
    """Send a kept answer. It costs nothing, and still counts as a request of its tenant."""
    canonical, arrival = trail.canonical, trail.arrival
    assert canonical is not None
    if not canonical.admitted.key.tenant.allowance.is_unlimited:
        await place_hold(canonical, world, amount_usd_nano=0, tokens=0)
    trail.usage = TokenUsage(hit.input_tokens, hit.output_tokens)
    trail.baseline_usd_nano = _baseline_usd_nano(canonical, trail.usage)
    told = tiergate_headers(
        request_id=arrival.request_id,
        snapshot=arrival.snapshot.id,
        cache="exact",
        tier=hit.tier,
        model=hit.served_model,
        attempts=0,
        cost_usd_nano=0,
    )
    if canonical.request.stream:
        body = replay_stream(hit.body, include_usage=canonical.request.include_usage)
        await send_whole(trail, _OK, [*STREAM_HEADERS, *told], body)
    else:
        await send_whole(trail, _OK, [(b"content-type", JSON), *told], hit.body)
    trail.outcome = Outcome.SUCCESS_CACHE_EXACT


def _baseline_usd_nano(canonical: Canonical, usage: TokenUsage) -> int:
    """Price the answer at the strongest tier that the route, or the caller, could have had."""
    snapshot = canonical.admitted.arrival.snapshot
    names = canonical.route.tiers if canonical.pin is None else (canonical.pin.tier,)
    strongest = max((snapshot.tiers[name] for name in names), key=lambda tier: tier.ability.prior)
    return baseline_usd_nano(strongest, usage)
