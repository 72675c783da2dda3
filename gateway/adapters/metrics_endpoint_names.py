"""The metrics of model servers: part of the table in `metrics_names`."""

from gateway.adapters.metrics_shape import NANO, Kind, Metric

ENDPOINT_IN_FLIGHT = Metric(
    "tiergate_endpoint_attempts_in_flight", Kind.GAUGE, ("endpoint",), "Attempts under way at a model server."
)
ENDPOINT_AVAILABLE = Metric(
    "tiergate_endpoint_available", Kind.GAUGE, ("endpoint",), "1 if a model server may be given requests, else 0."
)
ENDPOINT_STATE = Metric(
    "tiergate_endpoint_state",
    Kind.GAUGE,
    ("endpoint", "state"),
    "1 for the state of a model server. probing: it is asked for single tokens. ramping: it is given more and more. "
    "busy: it asked to be left alone. gray: it is much slower than its peers.",
)
ENDPOINT_EJECTIONS = Metric(
    "tiergate_endpoint_ejections_total",
    Kind.COUNTER,
    ("endpoint", "cause"),
    "Times that a model server was given up. cause=credentials: our key for it is wrong.",
)
ENDPOINT_LIMIT = Metric(
    "tiergate_endpoint_limit", Kind.GAUGE, ("endpoint",), "Requests that a model server may have at once now."
)
ENDPOINT_SLOWNESS = Metric(
    "tiergate_endpoint_slowness_ratio",
    Kind.GAUGE,
    ("endpoint",),
    "How many times later a model server's answers begin than its peers' do, whatever the prompts' length.",
)
ENDPOINT_LOAD = Metric(
    "tiergate_endpoint_load",
    Kind.GAUGE,
    ("endpoint", "kind"),
    "What a model server says of its own load: requests running and waiting, and the share of its cache in use.",
)
ENDPOINT_PROBES = Metric(
    "tiergate_endpoint_probes_total",
    Kind.COUNTER,
    ("endpoint", "result"),
    "Single tokens asked of a model server to see whether it serves.",
)
PROBE_COST = Metric(
    "tiergate_probe_cost_usd_total", Kind.COUNTER, ("tier",), "Money that such tokens cost, in USD.", scale=NANO
)
QUARANTINED = Metric(
    "tiergate_quarantined_requests",
    Kind.GAUGE,
    (),
    "Requests answered with an error because model servers died of them.",
)

ENDPOINT_METRICS = (
    ENDPOINT_IN_FLIGHT,
    ENDPOINT_AVAILABLE,
    ENDPOINT_STATE,
    ENDPOINT_EJECTIONS,
    ENDPOINT_LIMIT,
    ENDPOINT_SLOWNESS,
    ENDPOINT_LOAD,
    ENDPOINT_PROBES,
    PROBE_COST,
    QUARANTINED,
)
"""In the order in which they are exposed."""
