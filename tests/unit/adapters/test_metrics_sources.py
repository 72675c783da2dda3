"""What a scrape reads from others."""

from gateway.adapters import metrics_names as names
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_sources import expose_endpoints, expose_number, expose_policy
from gateway.core.picker import EndpointTable
from gateway.domain.dial import Certificate, Dial
from gateway.domain.ids import RouteName, SnapshotId, TierName
from gateway.domain.limits import EdgeLimits
from gateway.policy.snapshot import Fallback, PolicySnapshot, Route, WhenUncertified
from tests.support.prometheus import read_series
from tests.support.tiers import a_tier

TIER = a_tier("small", endpoints=2)


def _snapshot() -> PolicySnapshot:
    dial = Dial(42.5, Certificate.MIXED, (1.0,), 0.98, 0.96, 0.4)
    route = Route(
        name=RouteName("balanced"),
        tiers=(TierName("small"),),
        quality=0.95,
        when_uncertified=WhenUncertified.BEST_EFFORT,
        dial=dial,
        fallback=Fallback(frozenset(), 3),
        deadline_s=60.0,
        stream_deadline_s=600.0,
        cache_exact_ttl_s=None,
        cache_max_temperature=1.0,
    )
    return PolicySnapshot(
        id=SnapshotId("0123456789ab"),
        tiers={TIER.name: TIER},
        routes={route.name: route},
        aliases={},
        keys={},
        open_key=None,
        limits=EdgeLimits(),
        receipts_kept=10,
    )


def _read(metrics: Metrics) -> dict[str, float]:
    return read_series(metrics.render(), without=names.WORKER_LABEL)


def test_the_policy_in_force_is_told_with_its_expectations() -> None:
    metrics = Metrics()
    expose_policy(metrics, _snapshot)
    assert _read(metrics) == {
        'tiergate_policy_snapshot_info{snapshot="0123456789ab"}': 1,
        'tiergate_route_dial{route="balanced"}': 42.5,
        'tiergate_route_certified{route="balanced"}': 1,
        'tiergate_route_certificate_info{route="balanced",certificate="mixed"}': 1,
        'tiergate_route_cost_ratio{route="balanced"}': 0.4,
        'tiergate_route_quality_ratio{route="balanced",end="expected"}': 0.98,
        'tiergate_route_quality_ratio{route="balanced",end="low"}': 0.96,
    }


def test_model_servers_are_told_with_their_load_and_health() -> None:
    metrics, table, now_s = Metrics(), EndpointTable(), [0.0]
    expose_endpoints(metrics, _snapshot, table, lambda: now_s[0])
    first, second = (table.state(endpoint.id) for endpoint in TIER.endpoints)
    first.begin()
    second.mark_busy(5.0)
    assert _read(metrics) == {
        'tiergate_endpoint_attempts_in_flight{endpoint="small/0"}': 1,
        'tiergate_endpoint_attempts_in_flight{endpoint="small/1"}': 0,
        'tiergate_endpoint_available{endpoint="small/0"}': 1,
        'tiergate_endpoint_available{endpoint="small/1"}': 0,
    }
    now_s[0] = 5.0
    assert _read(metrics)['tiergate_endpoint_available{endpoint="small/1"}'] == 1


def test_a_number_that_somebody_else_keeps_is_told() -> None:
    metrics = Metrics()
    expose_number(metrics, names.LOG_LINES_LOST, lambda: 7)
    assert _read(metrics) == {"tiergate_log_lines_lost_total{}": 7}
