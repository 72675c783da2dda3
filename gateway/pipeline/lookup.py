"""Stage 3, lookup: has this tenant asked exactly this before."""

from typing import Final

from gateway.core.cache_rules import (
    ANY_AGE,
    CacheBar,
    CacheControl,
    bar_to_read,
    exact_key,
    is_fresh,
    parse_cache_control,
    tenant_secret,
    wished,
)
from gateway.core.flight import may_share
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.identity import CacheScope, ExactKey
from gateway.domain.ids import TierName
from gateway.pipeline.journey import Canonical, Looked
from gateway.pipeline.known_requests import Known
from gateway.pipeline.world import World
from gateway.policy.snapshot import Route, VirtualKey
from gateway.ports import Headers
from gateway.wire.headers import CACHE_WISH_HEADER, header
from gateway.wire.identity import cache_identity

OFF, BYPASS, MISS = "off", "bypass", "miss"
EXACT, COALESCED, SEMANTIC = "exact", "coalesced", "semantic"
"""The values of x-tiergate-cache."""
CLAIM_WITHIN_S: Final = 0.005
"""How long a request waits in all to learn whether there is an answer, or another worker that asks for it."""
_WHY_NOT = {
    OFF: "no answers are kept for such a request (`cache` of its route: whether it is on, and up to which temperature)",
    BYPASS: "the request itself wants no kept answer",
    MISS: "there is none, or none as young as the request asks for",
}


async def lookup(canonical: Canonical, world: World) -> Looked:
    """Look for an answer; a cache in trouble is a miss."""
    terms, control = canonical.route.cache, cache_control(canonical.admitted.arrival.inbound.headers)
    bar = bar_to_read(terms, canonical.request, control)
    if bar is not None and bar is not CacheBar.NO_CACHE:
        return Looked(canonical, BYPASS if bar is CacheBar.CALLER else OFF, control, None, None, 0.0)
    pin = None if canonical.pin is None else canonical.pin.tier
    scope = cache_scope(canonical.admitted.key, world.cache_master)
    identity = cache_identity(canonical.request) if canonical.identity is None else canonical.identity
    key = exact_place(scope, pin, identity, canonical.route)
    if bar is CacheBar.NO_CACHE:
        return Looked(canonical, BYPASS, control, key, None, 0.0, world.cache.purge_number(key.tenant))
    began_s = world.clock.now_s()
    leads = True
    if may_share(control, coalesces=terms.coalesces):
        claim = await world.cache.claim(key, CLAIM_WITHIN_S)
        hit, leads = claim.answer, claim.leads
    else:
        hit = await world.cache.get(key)
    waited_s = world.clock.now_s() - began_s
    if hit is not None and not is_fresh(hit, control, world.clock.wall_s()):
        hit = None
    if hit is not None and canonical.identity is None:
        known = Known(canonical.request, identity, canonical.admitted.arrival.snapshot.limits)
        world.known.note(key.tenant, canonical.admitted.body, known)
    purge = world.cache.purge_number(key.tenant)
    return Looked(canonical, MISS if hit is None else EXACT, control, key, hit, waited_s, purge, leads=leads)


def cache_scope(key: VirtualKey, master: bytes) -> CacheScope:
    """Return in which partition a caller's kept answers lie, and the secret that keys them there."""
    sharing = key.sharing
    if sharing is None:
        return CacheScope(key.tenant.id, tenant_secret(master, key.tenant.id))
    return CacheScope(sharing.partition, tenant_secret(master, sharing.secret_of))


def exact_place(scope: CacheScope, pin: TierName | None, identity: bytes, route: Route) -> ExactKey:
    """Return where the answer to a request of this identity lies, for which its caller may insist on a tier."""
    return exact_key(scope, (pin or "").encode() + b"\0" + identity, route.cache_epoch)


def not_cached(looked: Looked) -> GatewayError:
    """Say that a request which takes kept answers only was not given one."""
    message = f"`Cache-Control: only-if-cached` asks for a kept answer, and {_WHY_NOT[looked.cache]}."
    return GatewayError(ErrorCode.NOT_CACHED, message)


def cache_control(headers: Headers) -> CacheControl:
    """Read what a request asks of the cache. Raises GatewayError `invalid_value`."""
    value, wish = header(headers, b"cache-control"), header(headers, CACHE_WISH_HEADER)
    control = ANY_AGE if value is None else parse_cache_control(value.decode("latin-1"))
    return control if wish is None else wished(control, wish.decode("latin-1"))
