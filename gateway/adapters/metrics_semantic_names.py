"""What became of the look for the same question in other words, and what its answers are worth."""

from gateway.adapters.metrics_shape import Kind, Metric

SEMANTIC = Metric(
    "tiergate_semantic_requests_total",
    Kind.COUNTER,
    ("end", "bar"),
    "Requests for which the same question in other words was looked for, by what that came to; bar: why it was not. "
    "shadow: it would have been a hit, and a model was asked to compare the answers.",
)
SEMANTIC_LABELS = Metric(
    "tiergate_semantic_labels_total",
    Kind.COUNTER,
    ("answer",),
    "Answers of models that were compared with the kept one: right, they said the same; wrong, they did not.",
)
SEMANTIC_CLASSES = Metric(
    "tiergate_semantic_classes",
    Kind.GAUGE,
    ("route", "standing"),
    "Tenants of a route by how their semantic hits stand: serving; exact_only, since too many were wrong. Alarm on the "
    "latter.",
)
SEMANTIC_BREACHES = Metric(
    "tiergate_semantic_breaches",
    Kind.GAUGE,
    ("route",),
    "How often too many were wrong, over the tenants that are held.",
)
SEMANTIC_ENTRIES = Metric(
    "tiergate_semantic_entries", Kind.GAUGE, (), "Questions held in memory, with which others are compared."
)
SEMANTIC_INDEX = Metric(
    "tiergate_semantic_index",
    Kind.GAUGE,
    ("index",),
    "Workers by what finds like questions for them: process, their own memory; redis-vset or redis-ft, the server.",
)
SEMANTIC_SEARCHES = Metric(
    "tiergate_semantic_searches_total",
    Kind.COUNTER,
    ("outcome",),
    "Searches of a server for like questions: in_time; late, so that the request went on without; failed.",
)

SEMANTIC_METRICS = (
    SEMANTIC,
    SEMANTIC_LABELS,
    SEMANTIC_CLASSES,
    SEMANTIC_BREACHES,
    SEMANTIC_ENTRIES,
    SEMANTIC_INDEX,
    SEMANTIC_SEARCHES,
)
"""In the order in which they are exposed."""
