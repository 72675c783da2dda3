"""Whether a request would be given a kept answer, and why not: the look-up's own steps, without sending anything.

Where none lies under the very same request, and its route allows that, one to other words is looked for.
"""

import difflib
from collections.abc import Iterable

from gateway.core.cache_rules import CacheBar, age_s, bar_to_read, is_fresh
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TenantId
from gateway.domain.noun import noun
from gateway.domain.semantic import SemanticEnd, SemanticFinding
from gateway.pipeline.canonicalise import find_target
from gateway.pipeline.lookup import cache_control, cache_scope, exact_place
from gateway.pipeline.semantic import Asking, Found, look_for
from gateway.pipeline.world import World
from gateway.policy.problems import listed
from gateway.policy.snapshot import PolicySnapshot, VirtualKey
from gateway.wire.cache_json import CacheQuestion
from gateway.wire.dialects import read_request
from gateway.wire.identity import cache_identity

_WHY_BARRED = {
    CacheBar.OFF: "the route's cache is off (policy: cache.exact)",
    CacheBar.CALLER: "the request wants nothing to do with the cache (x-tiergate-cache: off)",
    CacheBar.NO_CACHE: "the request takes no kept answer (Cache-Control: no-cache)",
    CacheBar.TEMPERATURE: "the request is hotter than the route allows (policy: cache.max_temperature); without a "
    "temperature it counts as 1",
    CacheBar.CHOICES: "the request asks for several choices",
    CacheBar.STATE: "the request asks for what only a server of its own API can do",
}


_WHY_NOT_OTHER_WORDS = {
    SemanticEnd.BARRED: "it is not compared with others",
    SemanticEnd.UNREAD: "what embeds questions gave nothing for this one",
    SemanticEnd.NOTHING: "nothing like it was asked before",
    SemanticEnd.REFUSED: "the nearest question is not certain enough to have the same answer",
    SemanticEnd.GONE: "the answer to the same question in other words is gone, or older than the request takes",
    SemanticEnd.SHADOW: "the answer to the same question in other words is to be compared with a model's",
}


@noun
class CacheExplanation:
    """What would become of a request at the cache. `entry` is None where none is looked for.

    `semantic` is None where no other words were looked for.
    """

    tenant: TenantId
    key: str
    partition: TenantId
    route: str
    would_hit: bool
    why: str
    entry: str | None = None
    bar: str | None = None
    age_s: int | None = None
    tier: str | None = None
    body_bytes: int | None = None
    semantic: SemanticFinding | None = None


async def explain_cache(question: CacheQuestion, world: World) -> CacheExplanation:
    """Ask for a request as its tenant would. Raises GatewayError for a request that is not sound, or a wrong name."""
    snapshot = world.policy.snapshot
    key = key_of(snapshot, question.tenant, question.key)
    request = read_request(question.operation, question.body, snapshot.limits)
    target = find_target(snapshot, key, request.alias)
    route, control = snapshot.routes[target.route], cache_control(question.headers)
    place = exact_place(cache_scope(key, world.cache_master), target.tier, cache_identity(request), route)
    about = (key.tenant.id, key.id, place.tenant, route.name)
    bar = bar_to_read(route.cache, request, control)
    if bar is not None:
        return CacheExplanation(*about, would_hit=False, why=_WHY_BARRED[bar], bar=bar)
    hit, wall_s = await world.cache.get(place), world.clock.wall_s()
    if hit is None and route.semantic is not None and not control.exact_only:
        asking = Asking(request, route, target.tier, key, snapshot.artefact, place, control)
        return _in_other_words(about, place.digest, await look_for(asking, world), wall_s)
    if hit is None:
        why = "no answer lies under this key: none was kept, or it has expired or was evicted or purged"
        return CacheExplanation(*about, would_hit=False, why=why, entry=place.digest)
    is_young = is_fresh(hit, control, wall_s)
    return CacheExplanation(
        *about,
        would_hit=is_young,
        why="there is an answer to the very same request"
        if is_young
        else "there is an answer, older than the request takes (Cache-Control: max-age)",
        entry=place.digest,
        age_s=int(age_s(hit, wall_s)),
        tier=hit.tier,
        body_bytes=len(hit.body),
    )


def _in_other_words(
    about: tuple[TenantId, str, TenantId, str], place: str, found: Found, wall_s: float
) -> CacheExplanation:
    finding, hit = found.sought.finding, found.hit
    if hit is None:
        why = f"no answer lies under this key, and {_WHY_NOT_OTHER_WORDS[finding.end]}"
        return CacheExplanation(*about, would_hit=False, why=why, entry=place, semantic=finding)
    return CacheExplanation(
        *about,
        would_hit=True,
        why="there is an answer to the same question in other words",
        entry=finding.entry,
        age_s=int(age_s(hit, wall_s)),
        tier=hit.tier,
        body_bytes=len(hit.body),
        semantic=finding,
    )


def key_of(snapshot: PolicySnapshot, tenant: TenantId, name: str | None) -> VirtualKey:
    """Find a tenant's key by its public name, or its first. Raises GatewayError `invalid_value`."""
    keys = list(snapshot.keys.values()) if snapshot.open_key is None else [snapshot.open_key]
    of_tenant = [key for key in keys if key.tenant.id == tenant]
    if not of_tenant:
        raise unknown_name("tenant", tenant, [key.tenant.id for key in keys])
    found = next((key for key in of_tenant if name in (None, key.id)), None)
    if found is None:
        raise unknown_name("key", str(name), [key.id for key in of_tenant])
    return found


def partition_of(snapshot: PolicySnapshot, name: TenantId) -> TenantId:
    """Check the name of a partition: a tenant, or a group of them. Raises GatewayError `invalid_value`.

    A member of a group is told the group's name: its answers are the group's, and to purge them is to purge those.
    """
    keys = list(snapshot.keys.values()) if snapshot.open_key is None else [snapshot.open_key]
    shared = {key.tenant.id: key.sharing.partition for key in keys if key.sharing is not None}
    group = shared.get(name, name)
    if group != name:
        message = f"The tenant {name!r} shares its kept answers with a group: name {group!r} in its place."
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="tenant")
    known = [*(key.tenant.id for key in keys), *shared.values()]
    if name not in known:
        raise unknown_name("tenant", name, known)
    return name


def unknown_name(what: str, name: str, known: Iterable[str]) -> GatewayError:
    """Say that there is no such name, and which come near."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name[:80], names, n=3, cutoff=0.6)
    hint = f"Did you mean {listed(near)}?" if near else f"Known: {listed(names)}."
    return GatewayError(ErrorCode.INVALID_VALUE, f"There is no {what} {name[:80]!r}. {hint}", param=what)
