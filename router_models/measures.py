"""How routing quality is measured. All functions take arrays over the same queries."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.scientific import Doubles

STEPS: Final = 10
"""The grid of RouteLLM (arXiv 2406.18665): shares of strong calls 0, 10 … 100 %."""
BINS: Final = 15
RESAMPLES: Final = 200
DIALS: Final = 161
"""Values of λ on a ladder's frontier, evenly spread in its logarithm, beside λ = 0."""


@dataclass(frozen=True, slots=True)
class TwoTier:
    """APGR, and the share of strong calls (percent) at which half and 80 % of the gap is closed."""

    apgr: float
    cpt50: float
    cpt80: float
    low: float
    high: float


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


def calls_needed(score: Doubles, weak: Doubles, strong: Doubles, share: float) -> float:
    """Return CPT(share) in percent: where PGR first crosses `share`, linear between the grid's points."""
    recovered = gap_recovered(score, weak, strong)
    after = int(np.argmax(recovered >= share))
    before = recovered[after - 1]
    return float(100 / STEPS * (after - 1 + (share - before) / (recovered[after] - before)))


def two_tier(score: Doubles, weak: Doubles, strong: Doubles, seed: int) -> TwoTier:
    """Measure a two-tier router, with a 95 % bootstrap interval of APGR over queries."""
    chance = np.random.default_rng(seed)
    draws = (chance.integers(0, len(score), len(score)) for _ in range(RESAMPLES))
    samples = [apgr(score[at], weak[at], strong[at]) for at in draws if abs((strong - weak)[at].sum()) > 0]
    low, high = np.quantile(samples, [0.025, 0.975])
    halves = (calls_needed(score, weak, strong, 0.5), calls_needed(score, weak, strong, 0.8))
    return TwoTier(apgr(score, weak, strong), *halves, float(low), float(high))


def calibration_error(chance: Doubles, outcome: Doubles) -> float:
    """Return the expected calibration error over bins of equal mass."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return float(sum(len(part) * abs(chance[part].mean() - outcome[part].mean()) for part in parts) / len(order))


def brier_skill(chance: Doubles, outcome: Doubles) -> float:
    """Return 1 − Brier score / that of the base rate: 0 says nothing, 1 everything."""
    base = float(((outcome - outcome.mean()) ** 2).mean())
    return 1 - float(((chance - outcome) ** 2).mean()) / base if base > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Ladder:
    """Tiers, cheapest first, as queries x tiers: what was predicted, and what came of it (cost in any unit)."""

    predicted: Doubles
    expected_cost: Doubles
    quality: Doubles
    cost: Doubles


def frontier(ladder: Ladder) -> Doubles:
    """Return (mean cost, mean quality) for λ from 0 to beyond the dearest useful one, by argmax p − λ·cost."""
    scale = float(ladder.expected_cost[:, -1].mean())
    dials = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, DIALS)]) / scale
    return np.array([_outcome(ladder, dial) for dial in dials])


def cost_share_at(points: Doubles, ladder: Ladder, quality_share: float) -> float | None:
    """Return the cost, as a share of always-strongest, at a share of the strongest tier's quality.

    Read from the non-decreasing upper convex hull of the points. None when no point reaches that quality.
    """
    wanted = quality_share * float(ladder.quality[:, -1].mean())
    hull = _hull(points)
    costs, qualities = hull[:, 0], hull[:, 1]
    if qualities[-1] < wanted:
        return None
    at = costs[0] if qualities[0] >= wanted else float(np.interp(wanted, qualities, costs))
    return float(at / ladder.cost[:, -1].mean())


def zero_router(ladder: Ladder) -> Doubles:
    """Return the tiers themselves as points: what mixing them blindly can do."""
    points: Doubles = np.column_stack([ladder.cost.mean(axis=0), ladder.quality.mean(axis=0)])
    return points


def _outcome(ladder: Ladder, dial: float) -> tuple[float, float]:
    chosen = np.argmax(ladder.predicted - dial * ladder.expected_cost, axis=1)
    at: NDArray[np.intp] = np.arange(len(chosen))
    return float(ladder.cost[at, chosen].mean()), float(ladder.quality[at, chosen].mean())


def _hull(points: Doubles) -> Doubles:
    kept: list[tuple[float, float]] = []
    for cost, quality in sorted(map(tuple, points.tolist()), key=lambda point: (point[0], -point[1])):
        if kept and quality <= kept[-1][1]:
            continue
        while len(kept) > 1 and _lies_below(kept[-2], kept[-1], (cost, quality)):
            kept.pop()
        kept.append((cost, quality))
    return np.array(kept)


def _lies_below(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    return (middle[1] - left[1]) * (right[0] - left[0]) <= (right[1] - left[1]) * (middle[0] - left[0])
