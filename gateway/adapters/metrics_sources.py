"""What a scrape reads from others: the policy in force, and the model servers' state."""

from collections.abc import Callable, Iterable

from gateway.adapters import metrics_names as names
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cells import Labels
from gateway.core.picker import EndpointTable
from gateway.policy.snapshot import PolicySnapshot

Samples = Iterable[tuple[Labels, float]]


def expose_policy(metrics: Metrics, snapshot: Callable[[], PolicySnapshot]) -> None:
    """Tell which policy is in force, and what is expected of its routes."""
    metrics.read_from(names.SNAPSHOT, lambda: [((snapshot().id,), 1)])
    metrics.read_from(names.ROUTE_DIAL, lambda: _dials(snapshot()))
    metrics.read_from(names.ROUTE_CERTIFIED, lambda: _certified(snapshot()))
    metrics.read_from(names.ROUTE_CERTIFICATE, lambda: _certificates(snapshot()))
    metrics.read_from(names.ROUTE_QUALITY, lambda: _qualities(snapshot()))
    metrics.read_from(names.ROUTE_COST, lambda: _costs(snapshot()))


def expose_endpoints(
    metrics: Metrics, snapshot: Callable[[], PolicySnapshot], table: EndpointTable, now_s: Callable[[], float]
) -> None:
    """Tell how many attempts each model server has, and whether it may be given more."""
    metrics.read_from(names.ENDPOINT_IN_FLIGHT, lambda: _in_flight(snapshot(), table))
    metrics.read_from(names.ENDPOINT_AVAILABLE, lambda: _available(snapshot(), table, now_s()))


def expose_number(metrics: Metrics, metric: names.Metric, read: Callable[[], float]) -> None:
    """Tell one number that somebody else keeps, for a metric without labels."""
    metrics.read_from(metric, lambda: [((), read())])


def _dials(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), route.dial.value) for route in snapshot.routes.values()]


def _certified(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), int(route.dial.certified)) for route in snapshot.routes.values()]


def _certificates(snapshot: PolicySnapshot) -> Samples:
    return [((route.name, route.dial.certificate), 1) for route in snapshot.routes.values()]


def _costs(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), route.dial.cost_share) for route in snapshot.routes.values()]


def _qualities(snapshot: PolicySnapshot) -> Samples:
    for route in snapshot.routes.values():
        yield (route.name, "expected"), route.dial.quality
        yield (route.name, "low"), route.dial.quality_low


def _in_flight(snapshot: PolicySnapshot, table: EndpointTable) -> Samples:
    for tier in snapshot.tiers.values():
        for endpoint in tier.endpoints:
            yield (endpoint.id,), table.state(endpoint.id).in_flight


def _available(snapshot: PolicySnapshot, table: EndpointTable, now_s: float) -> Samples:
    for tier in snapshot.tiers.values():
        for endpoint in tier.endpoints:
            yield (endpoint.id,), int(table.state(endpoint.id).is_available(now_s, tier.limits.in_flight))
