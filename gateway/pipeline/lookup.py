"""Stage 3, lookup: has this tenant asked exactly this before."""

from gateway.core.cache_rules import (
    ANY_AGE,
    CacheBar,
    CacheControl,
    CacheTerms,
    bar_to_read,
    exact_key,
    is_fresh,
    parse_cache_control,
    tenant_secret,
)
from gateway.domain.identity import CacheScope
from gateway.pipeline.journey import Canonical, Looked
from gateway.pipeline.world import World
from gateway.policy.snapshot import Route
from gateway.wire.headers import header
from gateway.wire.identity import cache_identity

OFF, BYPASS, MISS, EXACT = "off", "bypass", "miss", "exact"
"""The values of x-tiergate-cache."""


async def lookup(canonical: Canonical, world: World) -> Looked:
    """Look for an answer; a cache in trouble is a miss."""
    terms, control = cache_terms(canonical.route), _control(canonical)
    bar = bar_to_read(terms, canonical.request, control)
    if bar is not None and bar is not CacheBar.NO_CACHE:
        return Looked(canonical, OFF, control, None, None, 0.0)
    tenant = canonical.admitted.key.tenant.id
    scope = CacheScope(tenant, tenant_secret(world.cache_master, tenant))
    pin = "" if canonical.pin is None else canonical.pin.tier
    identity = pin.encode() + b"\0" + cache_identity(canonical.request)
    key = exact_key(scope, identity, canonical.route.cache_epoch)
    if bar is CacheBar.NO_CACHE:
        return Looked(canonical, BYPASS, control, key, None, 0.0)
    began_s = world.clock.now_s()
    hit = await world.cache.get(key)
    waited_s = world.clock.now_s() - began_s
    if hit is not None and not is_fresh(hit, control, world.clock.wall_s()):
        hit = None
    return Looked(canonical, MISS if hit is None else EXACT, control, key, hit, waited_s)


def cache_terms(route: Route) -> CacheTerms:
    """Return what the route allows of its cache."""
    return CacheTerms(route.cache_exact_ttl_s, route.cache_max_temperature)


def _control(canonical: Canonical) -> CacheControl:
    value = header(canonical.admitted.arrival.inbound.headers, b"cache-control")
    return ANY_AGE if value is None else parse_cache_control(value.decode("latin-1"))
