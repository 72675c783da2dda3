"""What is told of each model server: its state, how it is doing, and what was asked of it to find that out."""

from collections.abc import Callable, Iterable, Iterator

from gateway.adapters import metrics_endpoint_names as names
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cells import Labels
from gateway.adapters.metrics_shape import Metric
from gateway.core.breaker import Failure
from gateway.core.endpoint_state import STANDINGS, EndpointState
from gateway.core.picker import EndpointTable
from gateway.domain.tier import Tier
from gateway.policy.snapshot import PolicySnapshot

Samples = Iterable[tuple[Labels, float]]
_PROBED = ("answered", "failed")


def expose_endpoints(
    metrics: Metrics, snapshot: Callable[[], PolicySnapshot], table: EndpointTable, now_s: Callable[[], float]
) -> None:
    """Tell what the table knows of the model servers of the policy in force."""

    def read(metric: Metric, of: Callable[[Tier, EndpointState, float], Samples]) -> None:
        def samples() -> Samples:
            now = now_s()
            for tier, state in _states(snapshot(), table):
                for labels, value in of(tier, state, now):
                    yield (state.endpoint.id, *labels), value

        metrics.read_from(metric, samples)

    read(names.ENDPOINT_IN_FLIGHT, lambda tier, state, now: [((), state.in_flight)])
    read(names.ENDPOINT_AVAILABLE, _available)
    read(names.ENDPOINT_STATE, _standings)
    read(names.ENDPOINT_EJECTIONS, lambda tier, state, now: _ejections(state))
    read(names.ENDPOINT_LIMIT, lambda tier, state, now: [((), state.most(tier.limits.in_flight))])
    read(names.ENDPOINT_SLOWNESS, lambda tier, state, now: [((), state.score)])
    read(names.ENDPOINT_LOAD, lambda tier, state, now: _load(state, now))
    read(names.ENDPOINT_PROBES, lambda tier, state, now: [((result,), state.probes[result]) for result in _PROBED])
    metrics.read_from(names.PROBE_COST, lambda: _probe_costs(snapshot(), table))
    metrics.read_from(names.QUARANTINED, lambda: [((), table.quarantine.count(now_s()))])


def _states(snapshot: PolicySnapshot, table: EndpointTable) -> Iterator[tuple[Tier, EndpointState]]:
    for tier in snapshot.tiers.values():
        for endpoint in tier.endpoints:
            yield tier, table.state(endpoint)


def _available(tier: Tier, state: EndpointState, now_s: float) -> Samples:
    return [((), int(not state.is_out(now_s) and state.has_room(tier.limits, 0)))]


def _standings(tier: Tier, state: EndpointState, now_s: float) -> Samples:
    present = state.standing(now_s)
    return [((standing,), int(standing == present)) for standing in STANDINGS]


def _ejections(state: EndpointState) -> Samples:
    """Tell every cause from the start: of a series that begins at 1, nobody sees it rise."""
    return [((cause.value,), state.breaker.ejected[cause]) for cause in Failure]


def _load(state: EndpointState, now_s: float) -> Samples:
    load = state.load(now_s)
    if load is None:
        return []
    told: list[tuple[Labels, float]] = [(("running",), load.running), (("waiting",), load.waiting)]
    return told if load.kv_usage is None else [*told, (("kv_cache_ratio",), load.kv_usage)]


def _probe_costs(snapshot: PolicySnapshot, table: EndpointTable) -> Samples:
    for tier in snapshot.tiers.values():
        yield (tier.name,), sum(table.state(endpoint).probes_usd_nano for endpoint in tier.endpoints)
