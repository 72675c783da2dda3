"""The metrics of budgets and of who keeps them: part of the table in `metrics_names`."""

from gateway.adapters.metrics_shape import NANO, Kind, Metric

BUDGET = Metric("tiergate_budget_usd", Kind.GAUGE, ("tenant",), "A tenant's budget for its window, in USD.", scale=NANO)
BUDGET_LEFT = Metric(
    "tiergate_budget_left_usd",
    Kind.GAUGE,
    ("tenant",),
    "What was left of a tenant's budget at its last request, in USD, less what those under way may come to.",
    scale=NANO,
)
LEDGER_UNANSWERED = Metric(
    "tiergate_ledger_unanswered_total",
    Kind.COUNTER,
    (),
    "Claims on a budget or a rate that the ledger did not answer in time. Tenants with a budget are refused for it; "
    "others pass, and are not counted.",
)

LEDGER_METRICS = (BUDGET, BUDGET_LEFT, LEDGER_UNANSWERED)
"""In the order in which they are exposed."""
