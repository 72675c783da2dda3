"""What a scrape reads of kept answers."""

from collections.abc import Mapping
from typing import Final

from gateway.adapters import metrics_cache_names as names
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_sources import expose_number
from gateway.domain.purge import ReportOutcome
from gateway.ports import CacheStore

_EVENTS: Final = ("evicted", "void", "too_large", "lost", "errors", "corrupt", "mismatches")
_S_PER_MS: Final = 1e-3


def expose_cache(
    metrics: Metrics, figures: CacheFigures, store: CacheStore, reports: Mapping[ReportOutcome, int]
) -> None:
    """Tell what the cache gave and saved, what its store holds, and what became of reports."""
    metrics.read_from(names.CACHE_ROUTE, lambda: list(figures.results()))
    metrics.read_from(names.CACHE_SAVED_TOKENS, lambda: [(name, saved.tokens) for name, saved in figures.saved()])
    metrics.read_from(names.CACHE_SAVED_USD, lambda: [(name, saved.usd_nano) for name, saved in figures.saved()])
    metrics.read_from(names.CACHE_SAVED_S, lambda: [(name, saved.ms * _S_PER_MS) for name, saved in figures.saved()])
    expose_number(metrics, names.CACHE_ENTRIES, lambda: int(store.stats()["entries"]))
    expose_number(metrics, names.CACHE_BYTES, lambda: int(store.stats()["used_bytes"]))
    metrics.read_from(names.CACHE_EVENTS, lambda: _events(store))
    metrics.read_from(
        names.CACHE_REPORTS, lambda: [((outcome.value,), reports.get(outcome, 0)) for outcome in ReportOutcome]
    )


def _events(store: CacheStore) -> list[tuple[tuple[str, ...], float]]:
    stats = store.stats()
    return [((event,), int(stats[event])) for event in _EVENTS if event in stats]
