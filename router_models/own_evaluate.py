"""Judge a model that was trained on a user's own outcomes, between the tiers that those outcomes know."""

from typing import Final

import numpy as np

from router_models.calibrate import Calibrated
from router_models.data import Outcomes
from router_models.evaluate import TWO_TIER_COLUMNS, Table
from router_models.measures import apgr, brier_skill, calibration_error, two_tier
from router_models.scientific import Doubles

LEAST_JUDGED: Final = 20
"""Fewer test queries than this give no figure worth printing."""


def extremes(outcomes: Outcomes) -> tuple[int, int]:
    """Return the columns of the weakest and the strongest model, by mean score over the queries not tested on."""
    seen = outcomes.seen & ~outcomes.where(split="test")[:, None]
    mean = (outcomes.score * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return int(np.argmin(mean)), int(np.argmax(mean))


def own_tables(outcomes: Outcomes, calibrated: Calibrated, chance: Doubles, seed: int) -> list[Table]:
    """Return routing between the weakest and the strongest model, and the calibration of all, on the test split."""
    test = outcomes.where(split="test")
    tables: list[Table] = []
    weak, strong = extremes(outcomes)
    pair = test & outcomes.seen[:, weak] & outcomes.seen[:, strong]
    below, above = (outcomes.score[pair, at].astype(np.float64) for at in (weak, strong))
    if pair.sum() >= LEAST_JUDGED and above.sum() > below.sum():
        routers = {
            "model": (chance[:, strong] - chance[:, weak])[pair],
            "length": np.array([float(len(query.prompt)) for query in outcomes.queries])[pair],
            "random": np.random.default_rng(seed).random(int(pair.sum())),
            "oracle": above - below,
        }
        rows = tuple(_two_tier_row(name, score, below, above, seed) for name, score in routers.items())
        title = f"Two tiers, {outcomes.references[weak]} and {outcomes.references[strong]}, test split"
        tables.append(Table(title, TWO_TIER_COLUMNS, rows))
    tables.append(_calibration(outcomes, calibrated, chance))
    return tables


def own_metrics(outcomes: Outcomes, chance: Doubles) -> dict[str, float]:
    """Return the figures that go into an artefact's manifest, as far as the test split yields them."""
    weak, strong = extremes(outcomes)
    pair = outcomes.where(split="test") & outcomes.seen[:, weak] & outcomes.seen[:, strong]
    below, above = (outcomes.score[pair, at].astype(np.float64) for at in (weak, strong))
    if pair.sum() < LEAST_JUDGED or above.sum() <= below.sum():
        return {}
    return {"apgr_own": apgr((chance[:, strong] - chance[:, weak])[pair], below, above)}


def _two_tier_row(name: str, score: Doubles, below: Doubles, above: Doubles, seed: int) -> tuple[str, ...]:
    result = two_tier(score, below, above, seed)
    interval = f"{result.low:.3f}–{result.high:.3f}"
    return ("own", str(len(score)), name, f"{result.apgr:.3f}", interval, f"{result.cpt50:.1f}", f"{result.cpt80:.1f}")


def _calibration(outcomes: Outcomes, calibrated: Calibrated, chance: Doubles) -> Table:
    test = outcomes.where(split="test")
    rows: list[tuple[str, ...]] = []
    for at, ability in enumerate(calibrated.abilities):
        seen = test & outcomes.seen[:, at]
        if seen.sum() < LEAST_JUDGED:
            rows.append((ability.reference, str(seen.sum()), "too few", "too few"))
            continue
        score = outcomes.score[seen, at].astype(np.float64)
        figures = (calibration_error(chance[seen, at], score), brier_skill(chance[seen, at], score))
        rows.append((ability.reference, str(seen.sum()), *(f"{figure:.3f}" for figure in figures)))
    return Table("Calibration, test split", ("model", "queries", "ECE (15 bins)", "Brier skill"), tuple(rows))
