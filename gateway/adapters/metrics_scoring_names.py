"""The metrics of how requests are scored: part of the table in `metrics_names`."""

from gateway.adapters.metrics_shape import BATCH, CHANCE, QUEUE_S, Kind, Metric

SCORES = Metric(
    "tiergate_scores_total",
    Kind.COUNTER,
    ("scorer", "known"),
    "Scored requests. known=false: nothing in the request was familiar, so the tiers' priors decided.",
)
ACCEPTANCE = Metric(
    "tiergate_acceptance_ratio",
    Kind.HISTOGRAM,
    ("tier",),
    "Each tier's chance of an acceptable answer to the requests that were decided, feedback counted in.",
    CHANCE,
)
CLASSIFIER_OUTCOMES = Metric(
    "tiergate_classifier_outcomes_total",
    Kind.COUNTER,
    ("outcome",),
    "Requests that reached scoring, by how it ended: the stage that decided, or why a better one could not. Each "
    "request counts once.",
)
ENCODER_BATCH = Metric(
    "tiergate_encoder_batch_texts",
    Kind.HISTOGRAM,
    ("device",),
    "Requests encoded in one pass.",
    BATCH,
)
ENCODER_WAIT = Metric(
    "tiergate_encoder_queue_wait_seconds",
    Kind.HISTOGRAM,
    ("device",),
    "Time that a request waited for its pass through the encoder to begin.",
    QUEUE_S,
)
ENCODER_FAILURES = Metric(
    "tiergate_encoder_failures_total",
    Kind.COUNTER,
    ("device",),
    "Passes through the encoder that failed. One on cuda: the GPU is not used again until a restart.",
)

SCORING_METRICS = (SCORES, ACCEPTANCE, CLASSIFIER_OUTCOMES, ENCODER_BATCH, ENCODER_WAIT, ENCODER_FAILURES)
"""In the order in which they are exposed."""
