"""Who asks for what, what it costs them, and whom a limit stops."""

from typing import Final

from deploy.grafana.board import TENANT, Board, Row
from deploy.grafana.overview import ANSWERED, HOUR_S, OURS
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SHARE,
    TOKENS_PER_SECOND,
    USD,
    About,
    Query,
    layers,
    lines,
    number,
    rows,
)
from deploy.grafana.promql import in_range, least, most, of, or_nothing, per_second
from gateway.adapters import metrics_ledger_names as ledgers
from gateway.adapters import metrics_names as names
from gateway.domain.decision import ReasonCode

OF_TENANT: Final = {"tenant": "$tenant"}

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Requests refused for want of budget",
                "In the time shown. The tenants are named below; their clients get a 429 until the window turns.",
                COUNT,
                6,
                ((None, GOOD), (1, FAIR)),
                "BudgetSpent",
            ),
            Query(or_nothing(in_range(names.REFUSALS, where={**OF_TENANT, "limit": "budget"}))),
        ),
        number(
            About(
                "Requests refused by rate",
                "In the time shown: above the tenant's own requests or tokens a minute.",
                COUNT,
                6,
                ((None, GOOD), (100, FAIR)),
            ),
            Query(or_nothing(in_range(names.REFUSALS, where={**OF_TENANT, "limit": "rate"}))),
        ),
        number(
            About(
                "Budgets that could not be checked",
                "Claims that the ledger did not answer in the time shown. Tenants with a budget are refused for it; "
                "others are served, and their rates are not counted.",
                COUNT,
                6,
                ((None, GOOD), (1, BAD)),
                "LedgerDegraded",
            ),
            Query(in_range(ledgers.LEDGER_UNANSWERED)),
        ),
        number(
            About("Money spent", "Charged to the chosen tenants in the time shown.", USD, 6),
            Query(in_range(names.COST, where=OF_TENANT)),
        ),
    ),
)
MONEY: Final = Row(
    "Money",
    (
        rows(
            About(
                "Tenants",
                "Of the time shown. Beyond 200 tenants the rest are counted together as `other`.",
                COUNT,
                12,
                height=10,
            ),
            Query(in_range(names.COST, "tenant", where=OF_TENANT), "Spent, USD"),
            Query(in_range(names.BASELINE, "tenant", where=OF_TENANT), "Always strongest, USD"),
            Query(in_range(names.TOKENS, "tenant", where=OF_TENANT), "Tokens"),
            Query(in_range(names.REQUESTS, "tenant", where=OF_TENANT), "Requests"),
        ),
        layers(
            About("Who spends?", "USD an hour, by tenant.", USD, 12, height=10),
            Query(f"{per_second(names.COST, 'tenant', where=OF_TENANT)} * {HOUR_S}", "{{tenant}}"),
        ),
        layers(
            About("Which tiers do they pay for?", "USD an hour, by tier, of the chosen tenants.", USD, 8),
            Query(f"{per_second(names.COST, 'tier', 'model', where=OF_TENANT)} * {HOUR_S}", "{{tier}} ({{model}})"),
        ),
        layers(
            About("Who uses tokens?", "By tenant, all kinds.", TOKENS_PER_SECOND, 8),
            Query(per_second(names.TOKENS, "tenant", where=OF_TENANT), "{{tenant}}"),
        ),
        lines(
            About("What share do they save?", "Against the strongest able tiers, by tenant: an estimate.", SHARE, 8),
            Query(
                "1 - "
                + of(
                    per_second(names.COST, "tenant", where=OF_TENANT),
                    per_second(names.BASELINE, "tenant", where=OF_TENANT),
                ),
                "{{tenant}}",
            ),
        ),
    ),
)
LIMITS: Final = Row(
    "Requests and limits",
    (
        lines(
            About(
                "What share of the budget is left?",
                "Of tenants that have one, at their last request, less what those under way may come to.",
                SHARE,
                12,
                ((None, BAD), (0.1, GOOD)),
                "BudgetRunsOut",
            ),
            Query(
                of(
                    least(ledgers.BUDGET_LEFT, "tenant", where=OF_TENANT),
                    most(ledgers.BUDGET, "tenant", where=OF_TENANT),
                ),
                "{{tenant}}",
            ),
        ),
        lines(
            About("What is left of the budget", "The same in USD. The line jumps where the window turns.", USD, 12),
            Query(least(ledgers.BUDGET_LEFT, "tenant", where=OF_TENANT), "{{tenant}}"),
        ),
        layers(
            About("Who asks?", "By tenant. An empty name: the key was not known, or nothing was read.", PER_SECOND, 12),
            Query(per_second(names.REQUESTS, "tenant", where=OF_TENANT), "{{tenant}}"),
        ),
        lines(
            About(
                "Share answered, by tenant",
                "Of what was answered, or failed by us or the model servers. One tenant alone: its prompts?",
                SHARE,
                12,
                ((None, BAD), (0.999, GOOD)),
                "AvailabilityBurnsFast",
            ),
            Query(
                of(
                    per_second(names.REQUESTS, "tenant", where={**OF_TENANT, "outcome": ANSWERED}),
                    per_second(names.REQUESTS, "tenant", where={**OF_TENANT, "outcome": f"{ANSWERED}|{OURS}"}),
                ),
                "{{tenant}}",
            ),
        ),
        layers(
            About(
                "Whom does a limit stop?",
                "budget: what is left may not cover the request. rate: requests or tokens a minute.",
                PER_SECOND,
                12,
                runbook="BudgetSpent",
            ),
            Query(per_second(names.REFUSALS, "tenant", "limit", where=OF_TENANT), "{{tenant}}: {{limit}}"),
        ),
        layers(
            About(
                "Whose requests are kept from a tier?",
                "strongest_share: the key had its share of the strongest tier. budget: the tier costs more than is "
                "left. key_tiers: the policy does not give it to this tenant.",
                PER_SECOND,
                12,
                runbook="StrongestShareSpent",
            ),
            Query(
                per_second(
                    names.REMOVALS,
                    "tenant",
                    "reason",
                    where={
                        **OF_TENANT,
                        "reason": "|".join((ReasonCode.STRONGEST_SHARE, ReasonCode.BUDGET, ReasonCode.KEY_TIERS)),
                    },
                ),
                "{{tenant}}: {{reason}}",
            ),
        ),
    ),
)
TENANTS: Final = Board(
    "tiergate-tenants",
    "Tenants and budgets",
    "Who asks for what, what it costs them, and whom a limit stops.",
    (TENANT,),
    (WELL, MONEY, LIMITS),
)
