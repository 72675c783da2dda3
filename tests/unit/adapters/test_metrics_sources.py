"""What a scrape reads from others."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.adapters import metrics_names as names
from gateway.adapters.memory_news import MemoryNews
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.adapters.metrics_sources import expose_number, expose_policy, expose_prefixes, expose_slos
from gateway.core.prefix_index import ENTRY_BYTES, IndexSettings, PrefixIndex
from gateway.core.tier_slo import TierSlos
from gateway.domain.cache_terms import CacheTerms
from gateway.domain.dial import Certificate, Dial
from gateway.domain.ids import RouteName, SnapshotId, TierName
from gateway.domain.limits import EdgeLimits
from gateway.domain.receipt import ReceiptTerms
from gateway.domain.tier import TierSlo
from gateway.policy.snapshot import Fallback, PolicySnapshot, Route, WhenUncertified
from tests.support.prometheus import read_series
from tests.support.tiers import a_tier

TIER = replace(a_tier("small", endpoints=2), slo=TierSlo(ttft_p95_s=0.6, itl_p95_s=0.06))


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
        cache=CacheTerms(ttl_s=None, max_temperature=1.0),
    )
    return PolicySnapshot(
        id=SnapshotId("0123456789ab"),
        tiers={TIER.name: TIER},
        routes={route.name: route},
        aliases={},
        keys={},
        open_key=None,
        limits=EdgeLimits(),
        receipts=ReceiptTerms(),
    )


def _read(metrics: Metrics) -> dict[str, float]:
    """Return what is told, but for the errors, which are told from the start."""
    told = read_series(metrics.render(), without=WORKER_LABEL)
    return {series: value for series, value in told.items() if not series.startswith("tiergate_errors_total")}


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


def test_a_number_that_somebody_else_keeps_is_told() -> None:
    metrics = Metrics()
    expose_number(metrics, names.LOG_LINES_LOST, lambda: 7)
    assert _read(metrics) == {"tiergate_log_lines_lost_total{}": 7}


def test_objectives_are_told_with_how_fast_they_are_missed_and_what_moved_for_it() -> None:
    metrics, slos = Metrics(), TierSlos()
    expose_slos(metrics, _snapshot, slos, lambda: 5.0)
    assert _read(metrics)['tiergate_slo_shifted_ratio{tier="small"}'] == 0.0
    for number in range(20):
        slos.first_content(TIER, 10, 0.7 if number < 5 else 0.2, 4.0)
        slos.finished(TIER, 0.02, 4.0)
    series = _read(metrics)
    assert series['tiergate_slo_streams_total{tier="small",objective="ttft_p95"}'] == 20
    assert series['tiergate_slo_missed_total{tier="small",objective="ttft_p95"}'] == 5
    assert series['tiergate_slo_missed_total{tier="small",objective="itl_p95"}'] == 0
    for window in ("5m", "1h"):
        burn = series[f'tiergate_slo_burn_ratio{{tier="small",objective="ttft_p95",window="{window}"}}']
        assert burn == pytest.approx(5.0)
    for of, percentile, seconds in (("ttft", 50, 0.2), ("ttft", 95, 0.7), ("itl", 50, 0.02), ("itl", 95, 0.02)):
        seen = series[f'tiergate_tier_latency_seconds{{tier="small",of="{of}",percentile="{percentile}"}}']
        assert seen == pytest.approx(seconds, rel=0.1)
    assert series['tiergate_slo_shifted_ratio{tier="small"}'] == 0.0, "it looks once a second"


def test_a_tier_without_objectives_has_none_to_be_told() -> None:
    metrics, tier = Metrics(), replace(TIER, slo=TierSlo())
    expose_slos(metrics, lambda: replace(_snapshot(), tiers={tier.name: tier}), TierSlos(), lambda: 5.0)
    assert not _read(metrics)


class _News(MemoryNews):
    def stats(self) -> Mapping[str, int]:
        return {"lag_ms": 250}


def test_the_index_of_beginnings_tells_its_size_and_what_it_lost() -> None:
    metrics, index = Metrics(), PrefixIndex(IndexSettings(generations=1, bytes_max=2 * ENTRY_BYTES))
    expose_prefixes(metrics, index, _News())
    for number in range(4):
        index.insert([b"%d" % number], b"server", 0.0)
    assert _read(metrics) == {
        "tiergate_prefix_index_blocks{}": 1,
        "tiergate_prefix_index_bytes{}": ENTRY_BYTES,
        "tiergate_prefix_evicted_blocks_total{}": 3,
        "tiergate_prefix_untold_total{}": 0,
        "tiergate_prefix_news_lag_seconds{}": 0.25,
    }
