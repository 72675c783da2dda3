"""Two views of one policy: its tiers and routes as interactive requests see them, and as batch requests do.

Both are made when the policy is compiled, so that a request costs no more for there being two.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway.domain.batch import BatchTerms, Priority
from gateway.domain.cache_terms import PPM
from gateway.domain.ids import RouteName, TierName
from gateway.domain.tier import Tier
from gateway.policy.build import build_pinned_route, build_route, tiers_of
from gateway.policy.schema import Policy
from gateway.policy.schema_batch import BatchSpec
from gateway.policy.schema_routes import RouteSpec
from gateway.policy.schema_tiers import TierSpec
from gateway.policy.snapshot import BatchPolicy, Route
from gateway.policy.world import World


def build_batch_terms(spec: BatchSpec) -> BatchTerms:
    """Build what batch requests may fill."""
    return BatchTerms(fill=spec.fill, queue=spec.queue, queue_bytes=spec.queue_size, wait_s=spec.wait)


def batch_price_ppm(spec: TierSpec) -> int:
    """Return the share of its price that a tier asks for a batch request, in parts per million."""
    return round(spec.batch_price * PPM)


class Lanes:
    """The routes of a policy, added one by one, in both views."""

    def __init__(self, policy: Policy, tiers: Mapping[TierName, Tier], world: World) -> None:
        self.routes: dict[RouteName, Route] = {}
        self._policy = policy
        self._tiers = tiers
        self._world = world
        self._terms = build_batch_terms(policy.batch)
        self._batch_routes: dict[RouteName, Route] = {}
        specs = policy.tiers
        self._only = frozenset(name for name in tiers if "interactive" not in specs[name].lanes)
        self._batch_tiers = {
            name: _as_batch_sees(tier, specs[name], self._terms)
            for name, tier in tiers.items()
            if "batch" in specs[name].lanes
        }

    def add_route(self, name: RouteName, spec: RouteSpec) -> None:
        """Add a route of the policy."""
        chosen = tiers_of(spec, self._policy.tiers, self._tiers)
        batch = tuple(self._batch_tiers[tier.name] for tier in chosen if tier.name in self._batch_tiers)
        if spec.priority == "batch":
            self._add(None, build_route(name, spec, batch, self._world))
            return
        interactive = tuple(tier for tier in chosen if tier.name not in self._only)
        route = build_route(name, spec, interactive, self._world)
        if not batch:
            self.routes[name] = route
        elif [(tier.name, tier.price) for tier in batch] == [(tier.name, tier.price) for tier in interactive]:
            self._add(route, route)
        else:
            self._add(route, build_route(name, spec, batch, self._world))

    def add_pinned(self, tier: Tier) -> RouteName:
        """Add the route of an alias that names a tier, and return its name."""
        route = build_pinned_route(tier)
        if tier.name not in self._batch_tiers:
            self.routes[route.name] = route
        else:
            self._add(None if tier.name in self._only else route, route)
        return route.name

    def batch(self) -> BatchPolicy:
        """Return the policy as batch requests see it."""
        tiers, routes = MappingProxyType(self._batch_tiers), MappingProxyType(self._batch_routes)
        return BatchPolicy(self._terms, tiers, routes, self._only)

    def _add(self, interactive: Route | None, batch: Route) -> None:
        """Add a route that takes batch requests; None takes no others."""
        wait_s = self._terms.wait_s
        as_batch = replace(
            batch,
            priority=Priority.BATCH,
            deadline_s=batch.deadline_s + wait_s,
            stream_deadline_s=batch.stream_deadline_s + wait_s,
            # Nobody is to wait for a request that waits itself.
            cache=replace(batch.cache, coalesces=False),
            hedge=None,
        )
        self._batch_routes[batch.name] = as_batch
        self.routes[batch.name] = as_batch if interactive is None else interactive


def _as_batch_sees(tier: Tier, spec: TierSpec, terms: BatchTerms) -> Tier:
    limits = replace(tier.limits, fill=terms.fill)
    return replace(tier, price=tier.price.at_share(batch_price_ppm(spec)), limits=limits, is_flex=spec.batch_flex)
