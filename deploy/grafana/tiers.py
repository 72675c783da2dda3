"""Which tier or model server is in trouble, since when, and what became of the requests meant for it."""

from typing import Final

from deploy.grafana.board import TIER, Board, Row
from deploy.grafana.endpoints import OF_ENDPOINTS, SERVERS
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SECONDS,
    SHARE,
    USD,
    About,
    Query,
    layers,
    lines,
    number,
)
from deploy.grafana.promql import in_range, least, most, of, or_nothing, per_second
from gateway.adapters import metrics_endpoint_names as endpoints
from gateway.adapters import metrics_names as names

OF_TIER: Final = {"tier": "$tier"}
FAILED: Final = {**OF_TIER, "failure": ".+"}

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Servers that may be given requests",
                "Share of the model servers that are neither out nor full. Below 100 %: see their states below.",
                SHARE,
                6,
                ((None, BAD), (0.5, FAIR), (1.0, GOOD)),
                "EndpointOut",
            ),
            Query(f"avg({least(endpoints.ENDPOINT_AVAILABLE, 'endpoint', where=OF_ENDPOINTS)})"),
        ),
        number(
            About(
                "Calls that fail",
                "Share of the calls to model servers that failed, in the time shown. Most are answered by another "
                "server; clients see only what no other answered.",
                SHARE,
                6,
                ((None, GOOD), (0.01, FAIR), (0.1, BAD)),
                "EndpointFlaps",
            ),
            Query(of(or_nothing(in_range(names.ATTEMPTS, where=FAILED)), in_range(names.ATTEMPTS, where=OF_TIER))),
        ),
        number(
            About(
                "Requests that no server answered",
                "A second, in the time shown. Why no other was tried is below.",
                PER_SECOND,
                6,
                ((None, GOOD), (0.01, FAIR), (1, BAD)),
                "AvailabilityBurnsFast",
            ),
            Query(or_nothing(per_second(names.NO_RETRY, where=OF_TIER))),
        ),
        number(
            About(
                "Largest share moved away",
                "Of a tier's requests that go elsewhere, because it misses its objective.",
                SHARE,
                6,
                ((None, GOOD), (0.01, FAIR), (0.3, BAD)),
                "SloShift",
            ),
            Query(most(names.SLO_SHIFTED, where=OF_TIER)),
        ),
    ),
)
OBJECTIVES: Final = Row(
    "Objectives",
    (
        lines(
            About(
                "Share of streams that miss an objective",
                "One in twenty may: the dashed line. Requests move to other tiers from there on.",
                SHARE,
                8,
                ((None, GOOD), (0.05, BAD)),
                "SloBurnsFast",
            ),
            Query(
                of(
                    per_second(names.SLO_MISSED, "tier", "objective", where=OF_TIER),
                    per_second(names.SLO_STREAMS, "tier", "objective", where=OF_TIER),
                ),
                "{{tier}} {{objective}}",
            ),
        ),
        lines(
            About(
                "Burn rate",
                "How fast the allowance of misses is used up, as the gateways tell it. 1 is just what is allowed.",
                COUNT,
                8,
                ((None, GOOD), (6, FAIR), (14.4, BAD)),
                "SloBurnsFast",
            ),
            Query(
                most(names.SLO_BURN, "tier", "objective", "window", where=OF_TIER), "{{tier}} {{objective}} {{window}}"
            ),
        ),
        lines(
            About(
                "What streams took lately",
                "Of the last 30 s, over all workers: to the first token, and from token to token on the mean. This is "
                "what objectives are judged by.",
                SECONDS,
                8,
            ),
            Query(most(names.SLO_SEEN, "tier", "of", "percentile", where=OF_TIER), "{{tier}} {{of}} P{{percentile}}"),
        ),
        layers(
            About(
                "Which tiers are left out, and why?",
                "Decisions from which a tier was removed. slo, unhealthy, full and cost_storm are the tier's trouble; "
                "the others are about the request or its key.",
                PER_SECOND,
                12,
                runbook="CostStorm",
            ),
            Query(per_second(names.REMOVALS, "tier", "reason", where=OF_TIER), "{{tier}}: {{reason}}"),
        ),
        lines(
            About(
                "Share moved away",
                "A tenth more every ten seconds while a tier misses its objective, a tenth less once it keeps it.",
                SHARE,
                12,
                runbook="SloShift",
            ),
            Query(most(names.SLO_SHIFTED, "tier", where=OF_TIER), "{{tier}}"),
        ),
    ),
)
ATTEMPTS: Final = Row(
    "Calls, and what followed a failed one",
    (
        layers(
            About("Calls by failure", "Without a failure: it gave the answer, or was no longer wanted.", PER_SECOND, 8),
            Query(per_second(names.ATTEMPTS, "tier", "failure", where=OF_TIER), "{{tier}} {{failure}}"),
        ),
        layers(
            About(
                "Who answered in whose place?",
                "Calls that followed a failed one. The same tier twice: another server of it.",
                PER_SECOND,
                8,
                runbook="EndpointFlaps",
            ),
            Query(
                per_second(names.FALLBACKS, "from_tier", "to_tier", "failure", where={"from_tier": "$tier"}),
                "{{from_tier}} → {{to_tier}}: {{failure}}",
            ),
        ),
        layers(
            About(
                "Why was no other server tried?",
                "Of requests that none answered. retry_budget: an outage that is not multiplied; cost_storm: the "
                "dearer tier takes no more in cheaper ones' place.",
                PER_SECOND,
                8,
                runbook="RetryBudgetSpent",
            ),
            Query(per_second(names.NO_RETRY, "tier", "reason", where=OF_TIER), "{{tier}}: {{reason}}"),
        ),
        lines(
            About(
                "Money wasted",
                "An hour, estimated: calls that were given up while their server was at work. Charged to nobody.",
                USD,
                12,
                runbook="WasteHigh",
            ),
            Query(f"{per_second(names.WASTE, 'tier', 'failure', where=OF_TIER)} * 3600", "{{tier}} {{failure}}"),
        ),
        lines(
            About("Money for probes", "In the time shown. Much: servers that flap.", USD, 12),
            Query(in_range(endpoints.PROBE_COST, "tier", where=OF_TIER), "{{tier}}"),
        ),
    ),
)
TIERS: Final = Board(
    "tiergate-tiers",
    "Tiers and endpoints",
    "Which tier or model server is in trouble, since when, and what became of the requests meant for it.",
    (TIER,),
    (WELL, OBJECTIVES, SERVERS, ATTEMPTS),
)
