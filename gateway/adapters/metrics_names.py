"""Every metric the gateway exposes: name, type, labels and meaning. One table; dashboards, rules and docs follow it.

Names and units are Prometheus': base units (seconds, USD), `_total` on counters. A label's values are few: tiers,
routes and aliases come from the policy, and tenants beyond a limit share one value.
"""

from gateway.adapters.metrics_batch import BATCH_METRICS
from gateway.adapters.metrics_cache_names import CACHE_METRICS
from gateway.adapters.metrics_endpoint_names import ENDPOINT_METRICS
from gateway.adapters.metrics_ledger_names import LEDGER_METRICS
from gateway.adapters.metrics_prefix_names import PREFIX_METRICS
from gateway.adapters.metrics_scoring_names import SCORING_METRICS
from gateway.adapters.metrics_semantic_names import SEMANTIC_METRICS
from gateway.adapters.metrics_shape import (
    LATENCY_S,
    NANO,
    OVERHEAD_S,
    STAGE_S,
    TOKEN_S,
    Kind,
    Metric,
)
from gateway.adapters.metrics_worker_names import WORKER_METRICS

REQUESTS = Metric(
    "tiergate_requests_total",
    Kind.COUNTER,
    ("outcome", "tier", "alias", "tenant"),
    "Requests by how they ended. Empty labels: it did not come to that.",
)
ERRORS = Metric("tiergate_errors_total", Kind.COUNTER, ("code",), "Errors told to clients, by code.")
REFUSALS = Metric(
    "tiergate_refusals_total",
    Kind.COUNTER,
    ("limit", "tenant"),
    "Requests refused because the tenant's own budget or rate was used up.",
)
DECISIONS = Metric(
    "tiergate_decisions_total",
    Kind.COUNTER,
    ("route", "tier", "reason", "certified"),
    "Decisions by the tier chosen first and why. certified=false: the route's quality could not be certified.",
)
REMOVALS = Metric(
    "tiergate_tiers_removed_total",
    Kind.COUNTER,
    ("tier", "reason", "tenant"),
    "Decisions from which a tier was removed, by why. reason=slo over all decisions is the share that moved away from "
    "it; reason=strongest_share is a key whose requests look harder than the policy allows.",
)
CONVERSATION_TURNS = Metric(
    "tiergate_conversation_turns_total",
    Kind.COUNTER,
    ("verdict",),
    "Turns that went on with a conversation, by what became of its tier: same, locked, kept, switched, released.",
)
CONVERSATION_PREFIX = Metric(
    "tiergate_conversation_prefix_usd_total",
    Kind.COUNTER,
    ("verdict",),
    "What the prefixes that model servers had cached of those turns were worth: switched lost it, the others kept it.",
    scale=NANO,
)
CACHE = Metric("tiergate_cache_requests_total", Kind.COUNTER, ("result",), "Requests by what the cache gave.")
ATTEMPTS = Metric(
    "tiergate_attempts_total",
    Kind.COUNTER,
    ("tier", "failure"),
    "Calls to model servers, by what they failed of; empty when they did not.",
)
FALLBACKS = Metric(
    "tiergate_fallbacks_total",
    Kind.COUNTER,
    ("failure", "from_tier", "to_tier"),
    "Attempts that followed a failed one. from_tier equal to to_tier: another endpoint of the tier.",
)
NO_RETRY = Metric(
    "tiergate_unanswered_total",
    Kind.COUNTER,
    ("tier", "reason"),
    "Requests that no model server answered, by the tier of the last attempt and why no other followed it. "
    "retry_budget: an outage that is not multiplied.",
)
TOKENS = Metric(
    "tiergate_tokens_total",
    Kind.COUNTER,
    ("kind", "tier", "model", "tenant"),
    "Tokens by kind: input, cached_input, cache_write, output, reasoning. No kinds overlap: their sum is the total.",
)
COST = Metric(
    "tiergate_cost_usd_total", Kind.COUNTER, ("tier", "model", "tenant"), "Money charged, in USD.", scale=NANO
)
BASELINE = Metric(
    "tiergate_baseline_cost_usd_total",
    Kind.COUNTER,
    ("tier", "model", "tenant"),
    "What the same tokens would have cost at the strongest able tier, in USD: an estimate. Less the cost: money saved.",
    scale=NANO,
)
WASTE = Metric(
    "tiergate_waste_usd_total",
    Kind.COUNTER,
    ("tier", "failure"),
    "Cost of calls that were given up while their server was at work, in USD, estimated and charged to nobody. Without "
    "a failure: the loser of a hedge, or a client that left.",
    scale=NANO,
)
DURATION = Metric(
    "tiergate_request_duration_seconds",
    Kind.HISTOGRAM,
    ("tier", "stream"),
    "Time from the first byte of a request to the last of its answer. Batch requests have histograms of their own.",
    LATENCY_S,
)
FIRST_CONTENT = Metric(
    "tiergate_time_to_first_token_seconds",
    Kind.HISTOGRAM,
    ("tier", "stream"),
    "Time from the first byte of a request to the first content of its answer.",
    LATENCY_S,
)
OUTPUT_TOKEN = Metric(
    "tiergate_time_per_output_token_seconds",
    Kind.HISTOGRAM,
    ("tier",),
    "Mean time between the tokens of a streamed answer, after the first.",
    TOKEN_S,
)
OVERHEAD = Metric(
    "tiergate_overhead_seconds",
    Kind.HISTOGRAM,
    ("stream",),
    "The gateway's own share of a request: its duration less the time spent waiting for others.",
    OVERHEAD_S,
)
STAGE = Metric(
    "tiergate_stage_duration_seconds",
    Kind.HISTOGRAM,
    ("stage",),
    "Time spent in each stage of a request, waiting included.",
    STAGE_S,
)
SLO_STREAMS = Metric(
    "tiergate_slo_streams_total",
    Kind.COUNTER,
    ("tier", "objective"),
    "Streams held to an objective of their tier: ttft_p95, or itl_p95. 95 % of them should keep to it.",
)
SLO_MISSED = Metric(
    "tiergate_slo_missed_total", Kind.COUNTER, ("tier", "objective"), "Streams that missed an objective of their tier."
)
SLO_BURN = Metric(
    "tiergate_slo_burn_ratio",
    Kind.GAUGE,
    ("tier", "objective", "window"),
    "How fast the allowance of misses is used up, over 5m and 1h: 1 is just what the objective allows. Alarm above "
    "14.4 over 5m together with 6 over 1h.",
)
SLO_SEEN = Metric(
    "tiergate_tier_latency_seconds",
    Kind.GAUGE,
    ("tier", "of", "percentile"),
    "What the streams of the last 30 s took, those of other workers too: to the first token (of=ttft), and from token "
    "to token on the mean (of=itl).",
)
SLO_SHIFTED = Metric(
    "tiergate_slo_shifted_ratio",
    Kind.GAUGE,
    ("tier",),
    "Share of a tier's requests that goes elsewhere, because it misses its objective; 0 when all is well.",
)
RELOADS = Metric(
    "tiergate_policy_reloads_total", Kind.COUNTER, ("result",), "Edits of the policy: accepted, or refused."
)
ARTEFACT_RELOADS = Metric(
    "tiergate_artefact_reloads_total", Kind.COUNTER, ("result",), "New difficulty models: accepted, or refused."
)
SNAPSHOT = Metric("tiergate_policy_snapshot_info", Kind.GAUGE, ("snapshot",), "1 for the policy in force.")
ROUTE_DIAL = Metric("tiergate_route_dial", Kind.GAUGE, ("route",), "λ of a route, in probability per USD.")
ROUTE_CERTIFIED = Metric(
    "tiergate_route_certified", Kind.GAUGE, ("route",), "1 if the route's quality is certified, else 0."
)
ROUTE_CERTIFICATE = Metric(
    "tiergate_route_certificate_info",
    Kind.GAUGE,
    ("route", "certificate"),
    "1 for what makes it certain that a route keeps its quality: graded answers (outcomes), those where there are any "
    "and else the difficulty model (mixed), the model alone (model), nothing to lose (trivial), or none.",
)
ROUTE_COST = Metric(
    "tiergate_route_cost_ratio", Kind.GAUGE, ("route",), "Expected cost of a route as a share of always-strongest."
)
ROUTE_QUALITY = Metric(
    "tiergate_route_quality_ratio",
    Kind.GAUGE,
    ("route", "end"),
    "Share of the strongest tier's quality that a route is expected to keep (end=expected), and its lower bound (low).",
)
IN_FLIGHT = Metric("tiergate_requests_in_flight", Kind.GAUGE, (), "Requests under way.")
CACHE_WRITES_DROPPED = Metric(
    "tiergate_cache_writes_dropped_total", Kind.COUNTER, (), "Answers not stored because the queue of writes was full."
)
FEEDBACK = Metric(
    "tiergate_feedback_total",
    Kind.COUNTER,
    ("outcome",),
    "Calls of POST /v1/feedback by a known key. accepted and replaced: a label that decisions learn from.",
)
LABELS = Metric("tiergate_feedback_labels", Kind.GAUGE, (), "Labels held, which move decisions near them.")
RECORDS_LOST = Metric(
    "tiergate_training_records_lost_total", Kind.COUNTER, (), "Training records that could not be written."
)
LOG_LINES_LOST = Metric(
    "tiergate_log_lines_lost_total",
    Kind.COUNTER,
    (),
    "Lines of the request log that could not be written, or were dropped because nobody reads them.",
)

METRICS = (
    REQUESTS,
    ERRORS,
    REFUSALS,
    *LEDGER_METRICS,
    DECISIONS,
    REMOVALS,
    CONVERSATION_TURNS,
    CONVERSATION_PREFIX,
    *SCORING_METRICS,
    CACHE,
    *CACHE_METRICS,
    ATTEMPTS,
    FALLBACKS,
    NO_RETRY,
    TOKENS,
    COST,
    BASELINE,
    WASTE,
    DURATION,
    FIRST_CONTENT,
    OUTPUT_TOKEN,
    OVERHEAD,
    STAGE,
    SLO_STREAMS,
    SLO_MISSED,
    SLO_BURN,
    SLO_SEEN,
    SLO_SHIFTED,
    RELOADS,
    ARTEFACT_RELOADS,
    SNAPSHOT,
    ROUTE_DIAL,
    ROUTE_CERTIFIED,
    ROUTE_CERTIFICATE,
    ROUTE_QUALITY,
    ROUTE_COST,
    IN_FLIGHT,
    *PREFIX_METRICS,
    *WORKER_METRICS,
    *BATCH_METRICS,
    *ENDPOINT_METRICS,
    *SEMANTIC_METRICS,
    CACHE_WRITES_DROPPED,
    FEEDBACK,
    LABELS,
    RECORDS_LOST,
    LOG_LINES_LOST,
)
"""In the order in which they are exposed."""
