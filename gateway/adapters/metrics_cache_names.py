"""What is told of kept answers: what they saved, what holds them, and what became of reports that one is wrong."""

from gateway.adapters.metrics_shape import NANO, Kind, Metric

CACHE_ROUTE = Metric(
    "tiergate_cache_route_requests_total",
    Kind.COUNTER,
    ("route", "result"),
    "Requests by route and what the cache gave.",
)
CACHE_SAVED_TOKENS = Metric(
    "tiergate_cache_saved_tokens_total",
    Kind.COUNTER,
    ("route", "result"),
    "Tokens of kept answers that were given, prompt and answer together: no model server read or wrote them.",
)
CACHE_SAVED_USD = Metric(
    "tiergate_cache_saved_usd_total",
    Kind.COUNTER,
    ("route", "result"),
    "What kept answers that were given cost when a model server gave them, less what they were charged, in USD.",
    scale=NANO,
)
CACHE_SAVED_S = Metric(
    "tiergate_cache_saved_seconds_total",
    Kind.COUNTER,
    ("route", "result"),
    "How long model servers took over the kept answers that were given.",
)
CACHE_ENTRIES = Metric("tiergate_cache_entries", Kind.GAUGE, (), "Kept answers in this worker's memory.")
CACHE_BYTES = Metric("tiergate_cache_bytes", Kind.GAUGE, (), "What kept answers take of this worker's memory.")
CACHE_EVENTS = Metric(
    "tiergate_cache_events_total",
    Kind.COUNTER,
    ("event",),
    "What befell kept answers: evicted for want of room; void, because purged; too_large; lost, because the shared "
    "store did not take them; errors, looks that it did not answer in time; corrupt; mismatches, an answer that came "
    "back under another key, which nobody is given.",
)
CACHE_REPORTS = Metric(
    "tiergate_cache_reports_total", Kind.COUNTER, ("outcome",), "Calls of POST /v1/cache/report by a known key."
)

CACHE_METRICS = (
    CACHE_ROUTE,
    CACHE_SAVED_TOKENS,
    CACHE_SAVED_USD,
    CACHE_SAVED_S,
    CACHE_ENTRIES,
    CACHE_BYTES,
    CACHE_EVENTS,
    CACHE_REPORTS,
)
"""In the order in which they are exposed."""
