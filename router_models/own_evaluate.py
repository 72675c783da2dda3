"""Judge a router that was trained on a user's own outcomes, between the tiers that those outcomes know."""

from typing import Final

import numpy as np

from router_models.bootstrap import Interval, Ranking, apgr_samples, codes_of, interval
from router_models.data import Outcomes
from router_models.headline import extremes
from router_models.measures import apgr, brier_skill, calibration_error, calls_needed, gap_recovered
from router_models.report import Table
from router_models.router import Router, Rows
from router_models.scientific import Doubles

LEAST_JUDGED: Final = 20
"""Fewer test queries than this give no figure worth printing."""
COLUMNS: Final = ("router", "queries", "APGR (95 %)", "CPT(50) %", "CPT(80) %")


def own_tables(outcomes: Outcomes, router: Router, seed: int) -> list[Table]:
    """Return routing between the weakest and the strongest model, and the calibration of all, on the test split."""
    rows = np.flatnonzero(outcomes.where(split="test"))
    tables: list[Table] = []
    weak, strong = extremes(outcomes)
    pair = rows[outcomes.seen[rows][:, [weak, strong]].all(axis=1)]
    below, above = (outcomes.score[pair, at].astype(np.float64) for at in (weak, strong))
    if len(pair) >= LEAST_JUDGED and above.sum() > below.sum():
        title = f"Two tiers, {outcomes.references[weak]} and {outcomes.references[strong]}, test split"
        tables.append(Table(title, COLUMNS, tuple(_two_tiers(outcomes, router, pair, (weak, strong), seed))))
    tables.append(_calibration(outcomes, router, rows))
    return tables


def _two_tiers(
    outcomes: Outcomes, router: Router, pair: Rows, columns: tuple[int, int], seed: int
) -> list[tuple[str, ...]]:
    below, above = (outcomes.score[pair, at].astype(np.float64) for at in columns)
    gain = above - below
    scores: dict[str, Doubles] = {}
    for stage in router.stages:
        chance = router.chance(pair, stage)
        scores[stage.value] = chance[:, columns[1]] - chance[:, columns[0]]
    scores["length"] = np.array([float(len(outcomes.queries[row].prompt)) for row in pair])
    scores["random"] = np.random.default_rng(seed).random(len(pair))
    scores["oracle"] = gain
    codes = codes_of(np.array([outcomes.queries[row].group for row in pair]))
    samples = apgr_samples([[Ranking(score, gain, codes)] for score in scores.values()], seed)
    found = []
    for (name, score), drawn in zip(scores.items(), samples, strict=True):
        reached: Interval = interval(apgr(score, below, above), drawn)
        curve = gap_recovered(score, below, above)
        calls = (f"{calls_needed(curve, share):.1f}" for share in (0.5, 0.8))
        found.append((name, str(len(pair)), str(reached), *calls))
    return found


def _calibration(outcomes: Outcomes, router: Router, rows: Rows) -> Table:
    chance = router.chance(rows, router.best)
    told: list[tuple[str, ...]] = []
    for at, name in enumerate(outcomes.references):
        seen = outcomes.seen[rows, at]
        if seen.sum() < LEAST_JUDGED:
            told.append((name, str(seen.sum()), "too few", "too few"))
            continue
        score = outcomes.score[rows[seen], at].astype(np.float64)
        figures = (calibration_error(chance[seen, at], score), brier_skill(chance[seen, at], score))
        told.append((name, str(seen.sum()), *(f"{figure:.3f}" for figure in figures)))
    return Table("Calibration, test split", ("model", "queries", "ECE (15 bins)", "Brier skill"), tuple(told))
