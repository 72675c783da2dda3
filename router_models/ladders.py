"""How routing over several tiers is measured: cost against quality, and how much of it a router makes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.scientific import Doubles

DIALS: Final = 161
"""Values of λ on a ladder's frontier, evenly spread in its logarithm, beside λ = 0."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Tiers, cheapest first, as queries x tiers: what was predicted, and what came of it (cost in any unit)."""

    predicted: Doubles
    expected_cost: Doubles
    quality: Doubles
    cost: Doubles

    def some(self, rows: NDArray[np.bool_]) -> "Ladder":
        """Return the ladder on some of the queries."""
        return Ladder(self.predicted[rows], self.expected_cost[rows], self.quality[rows], self.cost[rows])

    def oracle(self) -> "Ladder":
        """Return the ladder of a router that knows what will come of each tier, and what it will cost."""
        return Ladder(self.quality, self.cost, self.quality, self.cost)


@dataclass(frozen=True, slots=True)
class Spent:
    """What each λ costs and yields, query by query (queries x dials)."""

    cost: Doubles
    quality: Doubles


def dials(expected_cost: Doubles) -> Doubles:
    """Return the values of λ that are tried: 0, and on to where only cost counts."""
    found: Doubles = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, DIALS)]) / float(expected_cost[:, -1].mean())
    return found


def spent(ladder: Ladder, at: Doubles) -> Spent:
    """Route every query by argmax p − λ·cost for each λ."""
    rows: NDArray[np.intp] = np.arange(len(ladder.cost))
    cost, quality = np.zeros((len(rows), len(at))), np.zeros((len(rows), len(at)))
    for column, dial in enumerate(at):
        chosen = np.argmax(ladder.predicted - dial * ladder.expected_cost, axis=1)
        cost[:, column], quality[:, column] = ladder.cost[rows, chosen], ladder.quality[rows, chosen]
    return Spent(cost, quality)


def frontier(ladder: Ladder) -> Doubles:
    """Return (mean cost, mean quality) for every λ."""
    found = spent(ladder, dials(ladder.expected_cost))
    points: Doubles = np.column_stack([found.cost.mean(axis=0), found.quality.mean(axis=0)])
    return points


def zero_router(ladder: Ladder) -> Doubles:
    """Return the tiers themselves as points: what mixing them blindly can do."""
    points: Doubles = np.column_stack([ladder.cost.mean(axis=0), ladder.quality.mean(axis=0)])
    return points


def cost_at(points: Doubles, quality: float) -> float | None:
    """Return the cost at a quality, on the points' hull. None when no point reaches that quality."""
    corners = hull(points)
    costs, qualities = corners[:, 0], corners[:, 1]
    if qualities[-1] < quality:
        return None
    return float(costs[0] if qualities[0] >= quality else np.interp(quality, qualities, costs))


def cost_share_at(points: Doubles, ladder: Ladder, quality_share: float) -> float | None:
    """Return the cost, as a share of always-strongest, at a share of the strongest tier's quality."""
    at = cost_at(points, quality_share * float(ladder.quality[:, -1].mean()))
    return None if at is None else float(at / ladder.cost[:, -1].mean())


def height(points: Doubles, low: float, high: float) -> float:
    """Return AIQ (RouterBench, arXiv 2403.12031): the hull's mean quality between two costs.

    Below the cheapest point its own quality counts, beyond the dearest the best.
    """
    corners = hull(points)
    inner = corners[(corners[:, 0] > low) & (corners[:, 0] < high), 0]
    at = np.concatenate([[low], inner, [high]])
    return float(np.trapezoid(np.interp(at, corners[:, 0], corners[:, 1]), at) / (high - low))


def gap_closed(router: Doubles, tiers: Doubles, oracle: Doubles) -> float:
    """Return which part of the way from the zero-router's AIQ to the oracle's a router goes."""
    low, high = float(tiers[0, 0]), float(tiers[-1, 0])
    ours, zero, best = (height(points, low, high) for points in (router, tiers, oracle))
    return (ours - zero) / (best - zero)


def hull(points: Doubles) -> Doubles:
    """Return the corners of the non-decreasing upper convex hull, by cost."""
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
