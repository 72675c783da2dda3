"""Is it well, what is asked, what does it cost, and are the objectives kept: the first look."""

from typing import Final

from deploy.grafana.board import ALIAS, TENANT, TIER, Board, Row
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SECONDS,
    SHARE,
    TOKENS_PER_SECOND,
    USD,
    About,
    Query,
    layers,
    lines,
    number,
)
from deploy.grafana.promql import in_range, mean, most, of, or_nothing, per_second, quantile
from gateway.adapters import metrics_names as names
from gateway.domain.outcome import BLAME, Blame, Outcome

ASKED: Final = {"alias": "$alias", "tier": "$tier", "tenant": "$tenant"}
OURS: Final = "|".join(outcome for outcome in Outcome if BLAME[outcome] in {Blame.GATEWAY, Blame.UPSTREAM})
"""Outcomes that are held against the service: not those that a client caused."""
ANSWERED: Final = "success_.+"
HOUR_S: Final = 3600
MILLION: Final = 1_000_000
PAID: Final = {"tier": "$tier", "tenant": "$tenant"}

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Is every gateway scraped?",
                "Share of the gateways that answer Prometheus. Below 100 %: one is down, or cannot be reached.",
                SHARE,
                4,
                ((None, BAD), (1.0, GOOD)),
                "GatewayDown",
            ),
            Query('avg(up{job="tiergate", instance=~"$instance"})'),
        ),
        number(
            About(
                "Are requests answered?",
                "Share of the requests answered, of those that were answered or that we or the model servers failed, "
                "in the time shown. What clients caused themselves is left out. Goal: 99.9 %.",
                SHARE,
                4,
                ((None, BAD), (0.99, FAIR), (0.999, GOOD)),
                "AvailabilityBurnsFast",
            ),
            Query(
                of(
                    in_range(names.REQUESTS, where={**ASKED, "outcome": ANSWERED}),
                    in_range(names.REQUESTS, where={**ASKED, "outcome": f"{ANSWERED}|{OURS}"}),
                )
            ),
        ),
        number(
            About(
                "How fast are misses used up?",
                "The worst tier's burn rate over an hour: 1 uses up just what its objectives allow. Above 6 for an "
                "hour and 14.4 for five minutes there is an alarm.",
                COUNT,
                4,
                ((None, GOOD), (1, FAIR), (6, BAD)),
                "SloBurnsFast",
            ),
            Query(most(names.SLO_BURN, where={"tier": "$tier", "window": "1h"})),
        ),
        number(
            About(
                "What share of the money is saved?",
                "Against the same tokens at each request's strongest able tier, in the time shown: an estimate, since "
                "that tier would have written another answer.",
                SHARE,
                4,
            ),
            Query(f"1 - {of(in_range(names.COST, where=PAID), in_range(names.BASELINE, where=PAID))}"),
        ),
        number(
            About("Money spent", "Charged in the time shown, probes of servers not included.", USD, 4),
            Query(in_range(names.COST, where=PAID)),
        ),
        number(
            About(
                "Alarms that ring",
                "Of the rules in deploy/prometheus/rules. Each has a runbook; begin with those that are critical.",
                COUNT,
                4,
                ((None, GOOD), (1, BAD)),
                "README",
            ),
            Query(or_nothing('count(ALERTS{alertstate="firing", service="tiergate"})')),
        ),
    ),
)
TRAFFIC: Final = Row(
    "Traffic",
    (
        layers(
            About("Requests by outcome", "What became of requests. gateway/REFERENCE.md explains each.", PER_SECOND, 8),
            Query(per_second(names.REQUESTS, "outcome", where=ASKED), "{{outcome}}"),
        ),
        layers(
            About(
                "Which tier answers?",
                "Shares of the requests that came to a tier. A tier that takes all of them: look at Routing quality.",
                SHARE,
                8,
            ),
            Query(
                per_second(names.REQUESTS, "tier", where={**ASKED, "tier": "$tier", "outcome": ANSWERED}), "{{tier}}"
            ),
            of_the_whole=True,
        ),
        layers(
            About(
                "Errors by code",
                "As clients were told them. upstream_*, tier_unavailable and internal_error are ours to mend.",
                PER_SECOND,
                8,
                runbook="AvailabilityBurnsFast",
            ),
            Query(per_second(names.ERRORS, "code"), "{{code}}"),
        ),
    ),
)
MONEY: Final = Row(
    "Money and tokens",
    (
        lines(
            About(
                "What an hour costs, and would cost",
                "Charges, and the same tokens at the strongest able tiers. The distance between the two is saved.",
                USD,
                8,
            ),
            Query(f"{per_second(names.COST, where=PAID)} * {HOUR_S}", "charged"),
            Query(f"{per_second(names.BASELINE, where=PAID)} * {HOUR_S}", "always strongest"),
        ),
        lines(
            About(
                "Cost per million tokens by tier",
                "What a tier's mix of cached input, input and output comes to. It moves with the prompts, and with how "
                "much of them servers had cached.",
                USD,
                8,
            ),
            Query(
                f"{per_second(names.COST, 'tier', where=PAID)} / {per_second(names.TOKENS, 'tier', where=PAID)}"
                f" * {MILLION}",
                "{{tier}}",
            ),
        ),
        layers(
            About("Tokens by kind", "The kinds do not overlap, so they add up.", TOKENS_PER_SECOND, 8),
            Query(per_second(names.TOKENS, "kind", where=PAID), "{{kind}}"),
        ),
    ),
)
TIMES: Final = Row(
    "Times and objectives",
    (
        lines(
            About(
                "Time to the first token",
                "From the first byte of a request to the first content of its answer, by tier: half, and 95 % of them.",
                SECONDS,
                6,
                runbook="SloBurnsFast",
            ),
            Query(quantile(0.5, names.FIRST_CONTENT, "tier", where={"tier": "$tier"}), "{{tier}} P50"),
            Query(quantile(0.95, names.FIRST_CONTENT, "tier", where={"tier": "$tier"}), "{{tier}} P95"),
        ),
        lines(
            About("Time between tokens", "Of streams, after the first token; the mean, by tier.", SECONDS, 6),
            Query(mean(names.OUTPUT_TOKEN, "tier", where={"tier": "$tier"}), "{{tier}}"),
        ),
        lines(
            About(
                "Time to the whole answer", "From the first byte of a request to the last of its answer.", SECONDS, 6
            ),
            Query(quantile(0.5, names.DURATION, "stream", where={"tier": "$tier"}), "P50, stream: {{stream}}"),
            Query(quantile(0.95, names.DURATION, "stream", where={"tier": "$tier"}), "P95, stream: {{stream}}"),
        ),
        lines(
            About(
                "What the gateway adds",
                "A request's time less the time spent waiting for others. Above 25 ms something holds the loop up.",
                SECONDS,
                6,
                ((None, GOOD), (0.025, BAD)),
                "OverheadHigh",
            ),
            Query(quantile(0.5, names.OVERHEAD), "P50"),
            Query(quantile(0.95, names.OVERHEAD), "P95"),
            Query(quantile(0.99, names.OVERHEAD), "P99"),
        ),
    ),
)
OVERVIEW: Final = Board(
    "tiergate-overview",
    "Overview",
    "Is it well, what is asked, what does it cost, are the objectives kept. Begin here.",
    (TIER, ALIAS, TENANT),
    (WELL, TRAFFIC, MONEY, TIMES),
)
