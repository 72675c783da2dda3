"""How routing between two tiers and calibration are measured. All functions take arrays over the same queries."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from router_models.scientific import Doubles

STEPS: Final = 10
"""The grid of RouteLLM (arXiv 2406.18665): shares of strong calls 0, 10 … 100 %."""
BINS: Final = 15
HONEST_DRAWS: Final = 100
"""Sets of outcomes drawn to learn what error of calibration honest chances show: its mean is then known to 2 %."""


def gap_recovered(score: Doubles, weak: Doubles, strong: Doubles) -> Doubles:
    """Return PGR on the grid: the highest scores go to the strong model first (ties in the order given)."""
    order = np.argsort(-score, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    at = np.rint(np.linspace(0, len(score), STEPS + 1)).astype(int)
    recovered: Doubles = gains[at] / gains[-1]
    return recovered


def apgr(score: Doubles, weak: Doubles, strong: Doubles) -> float:
    """Return the mean PGR over the shares of strong calls, by trapezoid; 0.5 is random."""
    return float(np.trapezoid(gap_recovered(score, weak, strong), dx=1 / STEPS))


def calls_needed(recovered: Doubles, share: float) -> float:
    """Return CPT(share) in percent: where PGR on the grid first crosses `share`, linear between the points."""
    after = int(np.argmax(recovered >= share))
    if after == 0:
        return 0.0
    before = recovered[after - 1]
    return float(100 / STEPS * (after - 1 + (share - before) / (recovered[after] - before)))


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equal mass, by chance: the mean chance and mean outcome of each, and its share of the queries."""

    chance: Doubles
    outcome: Doubles
    share: Doubles


def reliability(chance: Doubles, outcome: Doubles) -> Bins:
    """Lay out what was said against what came of it."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return Bins(
        np.array([chance[part].mean() for part in parts]),
        np.array([outcome[part].mean() for part in parts]),
        np.array([len(part) / len(order) for part in parts]),
    )


def calibration_error(chance: Doubles, outcome: Doubles) -> float:
    """Return the expected calibration error over bins of equal mass."""
    bins = reliability(chance, outcome)
    return float((bins.share * np.abs(bins.chance - bins.outcome)).sum())


def debiased_error(chance: Doubles, outcome: Doubles, seed: int) -> float:
    """Return the calibration error less its mean were each outcome drawn with its very chance; at least 0.

    The plain error is above 0 for honest chances too, by about 0.8 standard errors of a bin's mean.
    """
    draws = np.random.default_rng(seed)
    order = np.argsort(chance, kind="stable")
    honest = [
        calibration_error(chance[order], (draws.random(len(chance)) < chance[order]).astype(np.float64))
        for _ in range(HONEST_DRAWS)
    ]
    return max(0.0, calibration_error(chance, outcome) - float(np.mean(honest)))


def brier_skill(chance: Doubles, outcome: Doubles) -> float:
    """Return 1 − Brier score / that of the base rate: 0 says nothing, 1 everything."""
    base = float(((outcome - outcome.mean()) ** 2).mean())
    return 1 - float(((chance - outcome) ** 2).mean()) / base if base > 0 else 0.0
