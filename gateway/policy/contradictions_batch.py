"""What contradicts itself about the batch lane: tiers, prices and routes that could never be used as they say."""

from collections.abc import Iterator

from gateway.domain.money import Price
from gateway.policy.lanes import batch_price_ppm
from gateway.policy.problems import Finding
from gateway.policy.schema import Policy
from gateway.policy.schema_routes import RouteSpec
from gateway.policy.schema_tiers import TierSpec


def batch_contradictions(policy: Policy) -> Iterator[Finding]:
    """Yield every contradiction."""
    for name, tier in policy.tiers.items():
        yield from _in_tier(name, tier)
    for name, route in policy.routes.items():
        yield from _in_route(name, route, policy)


def batch_prices(policy: Policy, prices: dict[str, Price]) -> dict[str, Price]:
    """Return what the tiers that take batch requests ask for them."""
    return {
        name: price.at_share(batch_price_ppm(policy.tiers[name]))
        for name, price in prices.items()
        if "batch" in policy.tiers[name].lanes
    }


def _in_tier(name: str, tier: TierSpec) -> Iterator[Finding]:
    path = ("tiers", name)
    if not tier.lanes:
        hint = "leave `lanes` out to take all requests"
        yield Finding((*path, "lanes"), "expected at least one lane, found none", hint)
    elif "batch" not in tier.lanes:
        for key in sorted({"batch_price", "batch_flex"} & tier.model_fields_set):
            hint = "add `batch` to `lanes`, or remove this line"
            yield Finding((*path, key), "expected no such key on a tier that takes no batch requests", hint)
    elif "interactive" not in tier.lanes and (tier.slo.ttft_p95 is not None or tier.slo.itl_p95 is not None):
        hint = "objectives are for requests whose clients wait; remove it, or add `interactive` to `lanes`"
        yield Finding((*path, "slo"), "expected no objective on a tier that takes batch requests only", hint)
    if tier.batch_flex and "service_tier" in tier.refuses:
        hint = "remove one of the two: what a tier `refuses` is left out"
        yield Finding((*path, "batch_flex"), "expected `false` where `refuses` names `service_tier`", hint)


def _in_route(name: str, route: RouteSpec, policy: Policy) -> Iterator[Finding]:
    path = ("routes", name)
    named = policy.tiers if route.tiers is None else route.tiers
    tiers = [policy.tiers[tier] for tier in named if tier in policy.tiers and policy.tiers[tier].ability is not None]
    if tiers and not any(route.priority in tier.lanes for tier in tiers):
        hint = (
            "write `priority: batch`, or add a tier that takes interactive requests"
            if route.priority == "interactive"
            else "add `batch` to the `lanes` of one of its tiers"
        )
        yield Finding(path, f"expected a tier that takes {route.priority} requests, found none", hint, at_key=True)
    if route.priority == "batch" and route.hedge is not None:
        hint = "nobody waits for a batch request, so none is hedged; remove it"
        yield Finding((*path, "hedge"), "expected no such key beside `priority: batch`", hint, at_key=True)
