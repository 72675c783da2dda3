"""The alarms worth having, as Prometheus expressions over our own metrics. The reference shows them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Alarm:
    """An expression that is true when something is wrong, how long it must be, and what it means."""

    name: str
    expression: str
    lasting: str
    meaning: str


def _burn(window: str) -> str:
    """Return how fast the allowance of one miss in twenty is used up, over the workers of a window."""
    missed = f"sum by (tier, objective) (rate(tiergate_slo_missed_total[{window}]))"
    streams = f"sum by (tier, objective) (rate(tiergate_slo_streams_total[{window}]))"
    return f"{missed} / {streams} / 0.05"


ALARMS: Final = (
    Alarm(
        "SloBurnsFast",
        f"({_burn('5m')}) > 14.4 and ({_burn('1h')}) > 6",
        "1m",
        "A tier misses its objective now, and has for long enough to matter. Requests are moving away from it.",
    ),
    Alarm(
        "SloShift",
        "max by (tier) (tiergate_slo_shifted_ratio) > 0",
        "5m",
        "A share of a tier's requests goes elsewhere because it misses its objective.",
    ),
    Alarm(
        "CostStorm",
        'sum by (tier) (rate(tiergate_tiers_removed_total{reason="cost_storm"}[5m])) > 0',
        "1m",
        "A cheaper tier fails or is slow, and as much of its traffic climbs into this one as may.",
    ),
    Alarm(
        "StrongestShareSpent",
        'sum by (tenant) (rate(tiergate_tiers_removed_total{reason="strongest_share"}[15m])) > 0',
        "5m",
        "A tenant's key sends more requests that look hard than its policy allows: odd traffic, or texts made for it.",
    ),
    Alarm(
        "SemanticHitsWrong",
        'max by (route) (tiergate_semantic_classes{standing="exact_only"}) > 0',
        "1m",
        "Too many kept answers to other words were wrong for a tenant, named in the log: none is given to it any more.",
    ),
)
