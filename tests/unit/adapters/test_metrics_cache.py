"""What a scrape reads of kept answers."""

from collections import Counter

from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cache import expose_cache
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import ReportOutcome
from tests.support.clocks import ManualClock
from tests.support.prometheus import read_series
from tests.support.receipt_samples import a_receipt


def test_savings_store_and_reports_are_told() -> None:
    metrics, figures, cache = Metrics(), CacheFigures(), MemoryCache(ManualClock(), bytes_max=2_000)
    reports = Counter({ReportOutcome.ACCEPTED: 2})
    expose_cache(metrics, figures, cache, reports)
    receipt = a_receipt(
        route=RouteName("balanced"), cache="exact", cache_saved_usd_nano=2_000_000_000, cache_saved_ms=1_500.0
    )
    figures.record(receipt)
    for number in range(2):
        cache.put(ExactKey(TenantId("a"), f"{number:064x}"), CachedAnswer(b"x" * 1_000, "s", "m", 1, 1, 0.0), 60.0)
    told = read_series(metrics.render(), without=WORKER_LABEL)
    assert told['tiergate_cache_route_requests_total{route="balanced",result="exact"}'] == 1
    assert told['tiergate_cache_saved_tokens_total{route="balanced",result="exact"}'] == 120
    assert told['tiergate_cache_saved_usd_total{route="balanced",result="exact"}'] == 2.0
    assert told['tiergate_cache_saved_seconds_total{route="balanced",result="exact"}'] == 1.5
    assert (told["tiergate_cache_entries{}"], told["tiergate_cache_bytes{}"]) == (1, 1_576)
    assert told['tiergate_cache_events_total{event="evicted"}'] == 1
    assert 'tiergate_cache_events_total{event="lost"}' not in told, "nothing is shared"
    assert told['tiergate_cache_reports_total{outcome="accepted"}'] == 2
    assert told['tiergate_cache_reports_total{outcome="unknown"}'] == 0
