"""What the types cannot see: fields that contradict each other, and entries that can never be used."""

from collections.abc import Iterator
from typing import Final

from gateway.domain.money import Price
from gateway.policy.problems import Finding, Path, Plain, listed
from gateway.policy.references import texts_at, values_at
from gateway.policy.schema import Policy
from gateway.policy.schema_routes import CacheSpec, HedgeSpec, RouteSpec
from gateway.policy.schema_tenants import GROUP, TenantSpec, keys_of
from gateway.policy.schema_tiers import TierAbility, TierSpec

OPEN_TENANT: Final = "open"
"""Who everyone is while a policy names no tenants."""

_ABILITY_HINT: Final = "`like` names a reference model, `calibration` a file that `tiergate calibrate` writes"
_BLEND_INPUT: Final = 3
"""Input tokens for each output token when two prices are compared: a usual ratio in chat traffic."""


def find_contradictions(root: dict[str, Plain], policy: Policy) -> Iterator[Finding]:
    """Yield every contradiction among the entries that are sound by themselves."""
    yield from _empty(root)
    named = {name for _, name in texts_at(root, ("models", "*", "tier"))}
    for tier_name, tier in policy.tiers.items():
        yield from _in_tier(("tiers", tier_name), tier)
        if tier.ability is None and tier_name not in named:
            yield Finding(
                ("tiers", tier_name),
                "expected an `ability`, or a model alias that names this tier: it can never be used",
                "add `ability: {like: …}`, or under `models` an alias with `tier: " + tier_name + "`",
                at_key=True,
            )
    yield from _aliases(policy)
    for route_name, route in policy.routes.items():
        yield from _in_route(("routes", route_name), route, policy)
    yield from _routes_without_tiers(root, policy)
    yield from _tenants(root, policy)
    if policy.limits.sse_line > policy.limits.sse_event:
        yield Finding(("limits", "sse_line"), "expected a size up to that of `sse_event`: a line is part of an event")


def misordered(prices: dict[str, Price], whose: str = "") -> Iterator[Finding]:
    """Yield the tiers that cost less than one before them. `prices` has the tiers in their order."""
    dearest: tuple[str, int] | None = None
    for name, price in prices.items():
        blend = _BLEND_INPUT * price.input_usd_pico + price.output_usd_pico
        if dearest is not None and blend < dearest[1]:
            yield Finding(
                ("tiers", name),
                f"expected tiers from the cheapest to the dearest{whose}, found this one cheaper than `{dearest[0]}`",
                f"move it above `{dearest[0]}`; three input tokens and one output token are compared",
                at_key=True,
            )
        else:
            dearest = (name, blend)


def _empty(root: dict[str, Plain]) -> Iterator[Finding]:
    for section, needs in (("tiers", "at least one tier"), ("models", "at least one model alias, such as `auto`")):
        if root.get(section) == {}:
            yield Finding((section,), f"expected {needs}, found none")


def _in_tier(path: Path, tier: TierSpec) -> Iterator[Finding]:
    if tier.max_output is not None and tier.max_output > tier.context:
        yield Finding((*path, "max_output"), f"expected at most the context of {tier.context:,} tokens")
    if tier.limits.connect > tier.limits.ttft:
        hint = "the attempt is given up at `ttft`, so this limit would never be reached"
        yield Finding((*path, "limits", "connect"), "expected a duration up to that of `ttft`", hint)
    if tier.slo.ttft_p95 is not None and tier.slo.ttft_p95 >= tier.limits.ttft:
        hint = "the attempt is given up at `limits.ttft`, so the objective lies below it"
        yield Finding((*path, "slo", "ttft_p95"), "expected a duration below that of `limits.ttft`", hint)
    if tier.prompt_cache_key and "prompt_cache_key" in tier.refuses:
        hint = "remove one of the two: what a tier `refuses` is left out"
        yield Finding((*path, "prompt_cache_key"), "expected `false` where `refuses` names it", hint)
    yield from _in_ability((*path, "ability"), tier.ability)
    if not tier.endpoints:
        yield Finding((*path, "endpoints"), "expected at least one endpoint, found none")
    first: dict[str, int] = {}
    for position, endpoint in enumerate(tier.endpoints):
        if first.setdefault(endpoint.url, position) != position:
            yield Finding(
                (*path, "endpoints", position, "url"),
                f"expected each server once, found the URL of endpoint {first[endpoint.url]} again",
                "remove one, or raise `limits.in_flight`",
            )


def _in_ability(path: Path, ability: TierAbility | None) -> Iterator[Finding]:
    if ability is None:
        return
    if ability.like is not None and ability.calibration is not None:
        hint = "what was measured is the better of the two: remove `like`"
        yield Finding((*path, "like"), "expected `like` or `calibration`, found both", hint, at_key=True)
    if ability.like is None and ability.calibration is None:
        yield Finding(path, "expected `like` or `calibration`, found neither", _ABILITY_HINT)


def _aliases(policy: Policy) -> Iterator[Finding]:
    spelled: dict[str, str] = {}
    for name, alias in policy.models.items():
        path: Path = ("models", name)
        if alias.route is not None and alias.tier is not None:
            yield Finding((*path, "tier"), "expected a route or a tier, found both", "keep one of them", at_key=True)
        if alias.route is None and alias.tier is None:
            yield Finding(path, "expected `{route: …}` or `{tier: …}`, found neither")
        other = spelled.setdefault(name.lower(), name)
        if other != name:
            yield Finding(path, f"expected names that differ by more than case, found `{other}` before", at_key=True)


def _in_route(path: Path, route: RouteSpec, policy: Policy) -> Iterator[Finding]:
    yield from _route_aims(path, route)
    if not route.fallback.on and route.fallback.max_attempts > 1 and "max_attempts" in route.fallback.model_fields_set:
        hint = "with an empty `on` there is one attempt"
        yield Finding((*path, "fallback", "max_attempts"), "expected 1, or failures listed under `on`", hint)
    if route.hedge is not None:
        yield from _in_hedge((*path, "hedge"), route.hedge, route, policy)
    yield from _in_cache((*path, "cache"), route.cache)
    yield from _route_tiers(path, route, policy)


def _in_cache(path: Path, cache: CacheSpec) -> Iterator[Finding]:
    """Yield what keeps a route from ever giving an answer to other words, or from giving it for as long as it says."""
    if cache.semantic is None:
        return
    if cache.exact is None:
        hint = "the answers that `semantic` gives lie in the exact cache: write `exact: 24h`, or remove `semantic`"
        yield Finding((*path, "semantic"), "expected no such key beside `exact: off`", hint, at_key=True)
    elif cache.semantic.ttl > cache.exact:
        hint = "the answers lie in the exact cache, and are gone when that forgets them"
        yield Finding((*path, "semantic", "ttl"), "expected a duration up to that of `exact`", hint)


def _in_hedge(path: Path, hedge: HedgeSpec, route: RouteSpec, policy: Policy) -> Iterator[Finding]:
    """Yield what keeps a route from ever hedging."""
    names = route.tiers
    if not route.fallback.on or route.fallback.max_attempts < 2:
        hint = (
            "a hedge is an attempt; raise `fallback.max_attempts`, name failures under `fallback.on`, or remove `hedge`"
        )
        yield Finding(path, "expected a route that allows two attempts or more", hint, at_key=True)
    tiers = [policy.tiers[name] for name in (policy.tiers if names is None else names) if name in policy.tiers]
    if tiers and all(len(tier.endpoints) < 2 for tier in tiers):
        hint = "a hedge goes to another server of the same tier; give one a second endpoint, or remove `hedge`"
        yield Finding(
            path, "expected a tier with two endpoints or more among the route's, found none", hint, at_key=True
        )
    if tiers and hedge.after is not None and all(hedge.after >= tier.limits.ttft for tier in tiers):
        hint = "the attempt is given up at `limits.ttft`, so this would never be reached"
        yield Finding((*path, "after"), "expected less than the `ttft` of a tier of the route", hint)


def _route_aims(path: Path, route: RouteSpec) -> Iterator[Finding]:
    """Yield what a route asks of its dial and cannot have together."""
    aims = [name for name in ("quality", "budget") if getattr(route, name) is not None]
    if route.dial is not None:
        for name in aims:
            hint = f"`{name}` chooses the dial, so keep one of them"
            yield Finding((*path, "dial"), f"expected `{name}` or `dial`, found both", hint, at_key=True)
    if "when_uncertified" not in route.model_fields_set:
        return
    if route.quality is None and (route.dial is not None or route.budget is not None):
        beside = "dial" if route.dial is not None else "budget"
        hint = f"without `quality` a `{beside}` has nothing to certify; remove this line"
        yield Finding((*path, "when_uncertified"), f"expected no such key beside `{beside}`", hint, at_key=True)
    elif route.budget is not None and route.when_uncertified == "strongest":
        hint = "the strongest tier alone would break the budget; write `best_effort`, or remove `budget`"
        yield Finding((*path, "when_uncertified"), "expected `best_effort` beside `budget`", hint)


def _route_tiers(path: Path, route: RouteSpec, policy: Policy) -> Iterator[Finding]:
    if route.tiers is None:
        return
    if not route.tiers:
        yield Finding((*path, "tiers"), "expected at least one tier, found none", "leave `tiers` out to use all")
    for position, name in enumerate(route.tiers):
        tier = policy.tiers.get(name)
        if tier is not None and tier.ability is None:
            hint = f"add `ability: {{like: …}}` to `tiers.{name}`"
            yield Finding((*path, "tiers", position), f"expected a tier with an `ability`, found `{name}`", hint)


def _routes_without_tiers(root: dict[str, Plain], policy: Policy) -> Iterator[Finding]:
    if not root.get("tiers") or any(True for _ in values_at(root, ("tiers", "*", "ability"))):
        return
    for name, route in policy.routes.items():
        if route.tiers is None:
            hint = "add `ability: {like: …}` to the tiers this route should choose from"
            yield Finding(
                ("routes", name), "expected at least one tier with an `ability`, found none", hint, at_key=True
            )


def _tenants(root: dict[str, Plain], policy: Policy) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for name, tenant in policy.tenants.items():
        path: Path = ("tenants", name)
        if name == OPEN_TENANT:
            hint = f"`{OPEN_TENANT}` is who everyone is while a policy has no tenants"
            yield Finding(path, f"expected another name than `{OPEN_TENANT}`", hint, at_key=True)
        if not tenant.keys:
            yield Finding((*path, "keys"), "expected at least one key, found none", "write `env:NAME` or `file:/path`")
        for field, position, reference in keys_of(tenant):
            if reference in owner:
                whose = "this tenant" if owner[reference] == name else f"tenant `{owner[reference]}`"
                message = f"expected a key of its own, found one that {whose} has already"
                yield Finding((*path, field, position), message, "a key says who pays, so it belongs to one tenant")
            owner[reference] = name
        for what, names in (("tiers", tenant.tiers), ("models", tenant.models)):
            if names == ():
                yield Finding(
                    (*path, what), "expected at least one name, found none", f"leave `{what}` out to allow all"
                )
        yield from _unusable(path, tenant, root, policy)
    yield from _groups(policy)


def _groups(policy: Policy) -> Iterator[Finding]:
    """Yield groups that share nothing, and members that would be given answers of tiers they may not use."""
    groups: dict[str, list[str]] = {}
    for name, tenant in policy.tenants.items():
        if tenant.cache.scope.startswith(GROUP):
            groups.setdefault(tenant.cache.scope, []).append(name)
    for group, members in groups.items():
        first, path = members[0], ("cache", "scope")
        if len(members) == 1:
            hint = "write `tenant` to share within the tenant, or name the group at another tenant too"
            yield Finding(("tenants", first, *path), f"expected two tenants or more in `{group}`, found one", hint)
        allowed = _tiers_allowed(policy.tenants[first])
        for member in members[1:]:
            if _tiers_allowed(policy.tenants[member]) != allowed:
                message = f"expected the tiers of `{first}`, whose kept answers it would be given, found others"
                hint = "allow the members of a group the same `tiers`"
                yield Finding(("tenants", member, *path), message, hint)


def _tiers_allowed(tenant: TenantSpec) -> frozenset[str] | None:
    return None if tenant.tiers is None else frozenset(tenant.tiers)


def _unusable(path: Path, tenant: TenantSpec, root: dict[str, Plain], policy: Policy) -> Iterator[Finding]:
    """Yield the aliases that a tenant may name but whose tiers it may not use."""
    if not tenant.tiers:
        return
    for position, name in enumerate(tenant.models or ()):
        behind = _tiers_behind(name, root, policy)
        if behind and not set(behind) & set(tenant.tiers):
            message = (
                f"expected a model that the tenant's tiers can answer, found `{name}`, which needs {listed(behind)}"
            )
            yield Finding((*path, "models", position), message, "add such a tier to `tiers`, or remove the model")


def _tiers_behind(name: str, root: dict[str, Plain], policy: Policy) -> tuple[str, ...]:
    alias = policy.models.get(name)
    if alias is None:
        return ()
    if alias.tier is not None:
        return (alias.tier,)
    route = policy.routes.get(alias.route or "")
    if route is None:
        return ()
    tiers = root.get("tiers")
    return route.tiers or (tuple(tiers) if isinstance(tiers, dict) else ())
