"""Where requests go and why, how sure that is, and what users say of it."""

from typing import Final

from deploy.grafana.board import ROUTE, Board, Row
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
    bars,
    heat,
    layers,
    lines,
    number,
)
from deploy.grafana.promql import buckets, in_range, least, mean, most, of, or_nothing, per_second, quantile
from gateway.adapters import metrics_names as names
from gateway.adapters import metrics_scoring_names as scoring
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.decision import ReasonCode

OF_ROUTE: Final = {"route": "$route"}
TROUBLE: Final = "|".join((ClassifierOutcome.TIMEOUT, ClassifierOutcome.OVERLOAD, ClassifierOutcome.ERROR))
"""Outcomes in which a better stage was wanted and could not decide."""

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Decisions whose quality is certified",
                "Share of the decisions in the time shown. A route that asks for a dial or a budget alone is never "
                "certified; for the others see the bounds below.",
                SHARE,
                6,
                ((None, FAIR), (0.99, GOOD)),
                "RouteLostItsCertificate",
            ),
            Query(
                of(
                    or_nothing(in_range(names.DECISIONS, where={**OF_ROUTE, "certified": "true"})),
                    in_range(names.DECISIONS, where=OF_ROUTE),
                )
            ),
        ),
        number(
            About(
                "Largest share of one tier",
                "Of the choices by value, in the time shown. Near 100 %, the router decides nothing: is the "
                "difficulty model, or the dial, as it should be?",
                SHARE,
                6,
                ((None, GOOD), (0.95, FAIR), (0.99, BAD)),
                "NearConstantRouter",
            ),
            Query(
                of(
                    f"max({in_range(names.DECISIONS, 'tier', where={**OF_ROUTE, 'reason': ReasonCode.BEST_VALUE})})",
                    in_range(names.DECISIONS, where={**OF_ROUTE, "reason": ReasonCode.BEST_VALUE}),
                )
            ),
        ),
        number(
            About(
                "Requests that look like nothing known",
                "Share of those scored, in the time shown: for them what is known of the tiers decides alone. Many: "
                "traffic of a kind that the difficulty model was not trained on.",
                SHARE,
                6,
                ((None, GOOD), (0.2, FAIR), (0.5, BAD)),
                "ScoringFails",
            ),
            Query(of(or_nothing(in_range(scoring.SCORES, where={"known": "false"})), in_range(scoring.SCORES))),
        ),
        number(
            About(
                "Scoring that failed or was late",
                "Share of the scored requests for which a better stage was wanted and could not decide.",
                SHARE,
                6,
                ((None, GOOD), (0.01, FAIR), (0.1, BAD)),
                "ScoringFails",
            ),
            Query(
                of(
                    or_nothing(in_range(scoring.CLASSIFIER_OUTCOMES, where={"outcome": TROUBLE})),
                    in_range(scoring.CLASSIFIER_OUTCOMES),
                )
            ),
        ),
    ),
)
DECISIONS: Final = Row(
    "Decisions",
    (
        layers(
            About("Which tier is chosen first?", "Share of a route's decisions, over time.", SHARE, 8),
            Query(per_second(names.DECISIONS, "route", "tier", where=OF_ROUTE), "{{route}} → {{tier}}"),
            of_the_whole=True,
        ),
        layers(
            About(
                "Why is it chosen?",
                "best_value is the router's own choice; the others are constraints, pins and conversations. "
                "gateway/REFERENCE.md explains each.",
                PER_SECOND,
                8,
            ),
            Query(per_second(names.DECISIONS, "reason", where=OF_ROUTE), "{{reason}}"),
        ),
        heat(
            About(
                "How hard is the traffic?",
                "Each tier's chance of an acceptable answer, as scored: one for each tier and request. A band that "
                "narrows or moves is other traffic, or another difficulty model.",
                SHARE,
                8,
            ),
            Query(buckets(scoring.ACCEPTANCE), "{{le}}"),
        ),
        lines(
            About(
                "Mean chance of an acceptable answer",
                "By tier, over all that was scored: the lines' distance is what a dearer tier is worth.",
                SHARE,
                8,
            ),
            Query(mean(scoring.ACCEPTANCE, "tier"), "{{tier}}"),
        ),
        lines(
            About(
                "Quality expected of routes",
                "Share of the strongest tier's quality that a route is expected to keep, and its lower bound, of the "
                "policy in force. `tiergate policy explain` has the reasons.",
                SHARE,
                8,
                runbook="RouteLostItsCertificate",
            ),
            Query(least(names.ROUTE_QUALITY, "route", "end", where=OF_ROUTE), "{{route}} {{end}}"),
        ),
        lines(
            About(
                "Cost expected of routes",
                "As a share of always using the strongest tier, of the policy in force. What is spent: Overview.",
                SHARE,
                8,
            ),
            Query(most(names.ROUTE_COST, "route", where=OF_ROUTE), "{{route}}"),
        ),
        bars(
            About(
                "What makes quality certain",
                "1 for what a route's bound rests on: outcomes (graded answers) is firmest, model the weakest; "
                "trivial: nothing to lose; none: nothing is certain.",
                COUNT,
                8,
                runbook="RouteLostItsCertificate",
            ),
            Query(most(names.ROUTE_CERTIFICATE, "route", "certificate", where=OF_ROUTE), "{{route}}: {{certificate}}"),
        ),
        bars(
            About("Is quality certain?", "1: yes, else 0. Routes that ask for no quality have 0.", COUNT, 8),
            Query(least(names.ROUTE_CERTIFIED, "route", where=OF_ROUTE), "{{route}}"),
        ),
        lines(
            About(
                "What a dollar must buy (λ)",
                "Probability of a good answer per USD. It moves with the policy, and as graded answers come in.",
                COUNT,
                8,
            ),
            Query(most(names.ROUTE_DIAL, "route", where=OF_ROUTE), "{{route}}"),
        ),
    ),
)
SCORING: Final = Row(
    "Scoring",
    (
        layers(
            About(
                "How does scoring end?",
                "The stage that decided, or why a better one could not: timeout, overload, error.",
                PER_SECOND,
                8,
                runbook="ScoringFails",
            ),
            Query(per_second(scoring.CLASSIFIER_OUTCOMES, "outcome"), "{{outcome}}"),
        ),
        layers(
            About("Who scores?", "And whether it knew anything of the request.", PER_SECOND, 8),
            Query(per_second(scoring.SCORES, "scorer", "known"), "{{scorer}}, known: {{known}}"),
        ),
        lines(
            About("Time of scoring", "Waiting included, as where an encoder's batch is waited for.", SECONDS, 8),
            Query(quantile(0.5, names.STAGE, where={"stage": "score"}), "P50"),
            Query(quantile(0.99, names.STAGE, where={"stage": "score"}), "P99"),
        ),
        lines(
            About("Requests in one pass of the encoder", "The mean. Only where a policy uses the encoder.", COUNT, 8),
            Query(mean(scoring.ENCODER_BATCH, "device"), "{{device}}"),
        ),
        lines(
            About(
                "Wait for the encoder",
                "99 % wait no longer. Only where a policy uses the encoder.",
                SECONDS,
                8,
                runbook="ScoringFails",
            ),
            Query(quantile(0.99, scoring.ENCODER_WAIT, "device"), "{{device}} P99"),
        ),
        lines(
            About(
                "Passes of the encoder that failed",
                "One on cuda: the GPU is not used again until a restart.",
                COUNT,
                8,
                ((None, GOOD), (1, BAD)),
                "EncoderLost",
            ),
            Query(or_nothing(in_range(scoring.ENCODER_FAILURES)), "failed"),
        ),
    ),
)
USE: Final = Row(
    "Conversations and feedback",
    (
        layers(
            About(
                "What becomes of conversations?",
                "Turns by what became of their tier: same, locked in a loop of tools, kept, switched, released.",
                PER_SECOND,
                8,
            ),
            Query(per_second(names.CONVERSATION_TURNS, "verdict"), "{{verdict}}"),
        ),
        lines(
            About(
                "Worth of cached prefixes",
                "An hour. switched: lost, since another tier was worth more; the others: kept.",
                USD,
                8,
            ),
            Query(f"{per_second(names.CONVERSATION_PREFIX, 'verdict')} * 3600", "{{verdict}}"),
        ),
        layers(
            About(
                "Feedback",
                "Calls of /v1/feedback by what became of them. accepted and replaced: labels to learn from.",
                PER_SECOND,
                4,
            ),
            Query(per_second(names.FEEDBACK, "outcome"), "{{outcome}}"),
        ),
        lines(
            About("Labels held", "They move decisions near them, by little while they are few.", COUNT, 4),
            Query(most(names.LABELS), "labels"),
        ),
    ),
)
QUALITY: Final = Board(
    "tiergate-quality",
    "Routing quality",
    "Where requests go and why, how sure that is, and what users say of it.",
    (ROUTE,),
    (WELL, DECISIONS, SCORING, USE),
)
