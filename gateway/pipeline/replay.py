"""Answer from the cache: the kept body as it is, or told again as a stream."""

from typing import Final

from gateway.core.accounting import baseline_usd_nano, hit_charge_usd_nano
from gateway.core.cache_rules import age_s
from gateway.domain.identity import CachedAnswer
from gateway.domain.ids import TierName
from gateway.domain.outcome import Outcome
from gateway.domain.usage import TokenUsage
from gateway.pipeline.hold import place_hold
from gateway.pipeline.journey import Canonical, Looked, Trail
from gateway.pipeline.lookup import COALESCED, EXACT, SEMANTIC
from gateway.pipeline.respond import send_whole
from gateway.pipeline.world import World
from gateway.wire.headers import JSON, STREAM_HEADERS, tiergate_headers
from gateway.wire.replay import replay_stream

_OK = 200
SUCCESS: Final = {
    EXACT: Outcome.SUCCESS_CACHE_EXACT,
    COALESCED: Outcome.SUCCESS_CACHE_COALESCED,
    SEMANTIC: Outcome.SUCCESS_CACHE_SEMANTIC,
}
"""How a request ended that was answered without a server of its own, by what the cache said."""


async def replay(trail: Trail, hit: CachedAnswer, world: World) -> None:
    """Send a kept answer. It costs what the route asks for one, and counts as a request of its tenant.

    Raises GatewayError where the tenant's allowance has no room for it.
    """
    canonical, arrival, looked = trail.canonical, trail.arrival, trail.looked
    assert canonical is not None
    assert looked is not None
    assert looked.key is not None, "what was found lies under a key"
    usage = TokenUsage(hit.input_tokens, hit.output_tokens)
    charge_usd_nano = hit_charge(canonical, hit.tier, usage)
    if not canonical.admitted.key.tenant.allowance.is_unlimited:
        await place_hold(canonical, world, amount_usd_nano=charge_usd_nano, tokens=0)
    trail.usage, trail.charge_usd_nano = usage, charge_usd_nano
    trail.baseline_usd_nano = hit_baseline_usd_nano(canonical, trail.usage)
    told = tiergate_headers(
        request_id=arrival.request_id,
        snapshot=arrival.snapshot.id,
        cache=looked.cache,
        tier=hit.tier,
        model=hit.served_model,
        attempts=0,
        cost_usd_nano=charge_usd_nano,
        age_s=int(age_s(hit, arrival.received_wall_s)),
        entry=looked.key.digest,
        score=_score(looked),
        is_batch=arrival.seat is not None,
    )
    if canonical.request.stream:
        body = replay_stream(hit.body, include_usage=canonical.request.include_usage)
        await send_whole(trail, _OK, [*STREAM_HEADERS, *told], body)
    else:
        await send_whole(trail, _OK, [(b"content-type", JSON), *told], hit.body)
    trail.outcome = SUCCESS[looked.cache]


def _score(looked: Looked) -> str | None:
    """Tell how certain a hit is whose question was another; nothing of an exact one, which is."""
    probability = None if looked.sought is None else looked.sought.finding.probability
    return None if probability is None else f"{probability:.3f}"


def hit_charge(canonical: Canonical, tier_name: str, usage: TokenUsage) -> int:
    """Price the kept answer of a tier as its route says, in nano-USD.

    For nothing where the tier is not known, which the key rules out.
    """
    share_ppm = canonical.route.cache.hit_price_ppm
    tier = canonical.tiers.get(TierName(tier_name)) if share_ppm else None
    return 0 if tier is None else hit_charge_usd_nano(tier, usage, share_ppm)


def hit_baseline_usd_nano(canonical: Canonical, usage: TokenUsage) -> int:
    """Price the answer at the strongest tier that the route, or the caller, could have had."""
    names = canonical.route.tiers if canonical.pin is None else (canonical.pin.tier,)
    strongest = max((canonical.tiers[name] for name in names), key=lambda tier: tier.ability.prior)
    return baseline_usd_nano(strongest, usage)
