"""Stage 2, canonicalise: from bytes to a sound request, and from the model's name to a route."""

from collections.abc import Mapping

from gateway.core.routing import Pin
from gateway.domain.batch import Priority
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias, TierName
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Admitted, Canonical
from gateway.pipeline.places import step_aside
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot, Route, Target, VirtualKey
from gateway.ports import Headers
from gateway.wire.dialects import read_request
from gateway.wire.difficulty import read_difficulty, scored_alias
from gateway.wire.headers import PIN_HEADER, header


async def canonicalise(admitted: Admitted, world: World) -> Canonical:
    """Validate the body and find the route of the model it names."""
    snapshot, operation = admitted.arrival.snapshot, admitted.arrival.operation
    known = world.known.find(admitted.key.partition, operation, admitted.body, snapshot.limits)
    request = read_request(operation, admitted.body, snapshot.limits) if known is None else known.request
    if operation is Operation.SYSTEMONE and request.alias not in snapshot.aliases:
        scored = scored_alias(request.alias)
        if scored is not None:
            return _to_be_scored(admitted, request, scored)
    target = find_target(snapshot, admitted.key, request.alias)
    wish = pinned_by_header(admitted.arrival.inbound.headers, snapshot, admitted.key)
    if wish is not None:
        pin: Pin | None = Pin(wish, ReasonCode.PINNED_BY_HEADER)
    else:
        pin = None if target.tier is None else Pin(target.tier, ReasonCode.PINNED_BY_ALIAS)
    if operation is Operation.EMBEDDINGS and pin is None:
        message = (
            f"Vectors of different models cannot be mixed, so an embedding is never routed: {request.alias!r} stands "
            f"for a route. Name a model that stands for one tier: {_names(snapshot, admitted.key, pinned=True)}."
        )
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="model")
    identity = None if known is None else known.identity
    seat = admitted.arrival.seat
    is_batch = seat is not None or request.is_flex or snapshot.routes[target.route].priority is Priority.BATCH
    if is_batch:
        seat = seat or step_aside(admitted.arrival, admitted.key.tenant, world)
        world.batch.weigh(seat, len(admitted.body), snapshot.batch.terms)
    route, tiers = seen_by(snapshot, target, pin, is_batch=is_batch)
    return Canonical(admitted, request, route, pin, tiers, identity)


def seen_by(
    snapshot: PolicySnapshot, target: Target, pin: Pin | None, *, is_batch: bool
) -> tuple[Route, Mapping[TierName, Tier]]:
    """Return a route and all tiers as requests of a priority see them.

    Raises GatewayError `no_able_tier` where the route, or the tier that its caller insists on, takes none of them.
    """
    batch = snapshot.batch
    if not is_batch:
        if pin is not None and pin.tier in batch.only:
            raise _closed(f"the tier {pin.tier} takes batch requests only", "with `x-tiergate-priority: batch`")
        return snapshot.routes[target.route], snapshot.tiers
    if target.route not in batch.routes or (pin is not None and pin.tier not in batch.tiers):
        told = f"the route {target.route}" if pin is None else f"the tier {pin.tier}"
        raise _closed(f"{told} takes no batch requests", "as an interactive request")
    return batch.routes[target.route], batch.tiers


def _closed(why: str, how: str) -> GatewayError:
    message = f"No tier can take this request: {why}. Send it {how}, or name another model."
    return GatewayError(ErrorCode.NO_ABLE_TIER, message)


def _to_be_scored(admitted: Admitted, request: CanonicalRequest, alias: ModelAlias) -> Canonical:
    """Return a request that asks the gateway itself how hard a state would be as a request for an alias."""
    snapshot = admitted.arrival.snapshot
    route = snapshot.routes[find_target(snapshot, admitted.key, alias).route]
    chat, question = read_difficulty(request, snapshot.limits)
    return Canonical(admitted, chat, route, None, snapshot.tiers, question=question)


def find_target(snapshot: PolicySnapshot, key: VirtualKey, alias: ModelAlias) -> Target:
    """Look up what a model's name stands for. Raises GatewayError `model_not_found` (404)."""
    target = snapshot.aliases.get(alias)
    allowed = key.tenant.aliases
    if target is None or (allowed is not None and alias not in allowed):
        known = _names(snapshot, key, pinned=False)
        message = f"The model {alias[:200]!r} does not exist here, or this key may not use it. Known: {known}."
        raise GatewayError(ErrorCode.MODEL_NOT_FOUND, message, param="model")
    return target


def pinned_by_header(headers: Headers, snapshot: PolicySnapshot, key: VirtualKey) -> TierName | None:
    """Read the caller's wish for a tier. Raises GatewayError when the key may not wish, or the tier is unknown."""
    value = header(headers, PIN_HEADER)
    if value is None:
        return None
    if not key.tenant.may_pin:
        message = "This key may not choose a tier: leave out the header x-tiergate-tier."
        raise GatewayError(ErrorCode.PERMISSION_DENIED, message, param="x-tiergate-tier")
    tier = TierName(value.decode("latin-1"))
    if tier not in snapshot.tiers:
        message = f"There is no tier {tier[:200]!r}. Known: {', '.join(snapshot.tiers)}."
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="x-tiergate-tier")
    return tier


def _names(snapshot: PolicySnapshot, key: VirtualKey, *, pinned: bool) -> str:
    names = [alias for alias, target in snapshot.aliases.items() if target.tier is not None or not pinned]
    allowed = key.tenant.aliases
    return ", ".join(name for name in names if allowed is None or name in allowed) or "none"
