"""The few figures that an artefact's manifest states, all on the test split."""

from typing import Final

import numpy as np

from router_models.data import Outcomes
from router_models.measures import apgr, brier_skill, calibration_error
from router_models.router import Router

LEAST_TESTED: Final = 100
LEAST_PAIRED: Final = 20
"""Fewer test queries than this give no figure worth stating."""


def extremes(outcomes: Outcomes) -> tuple[int, int]:
    """Return the columns of the weakest and the strongest model, by mean score over the queries not tested on.

    Means are of the same queries: the strongest is sought among models that answered half as many as the one that
    answered most, the weakest among those that answered half of the strongest's.
    """
    seen = outcomes.seen & ~outcomes.where(split="test")[:, None]
    count = seen.sum(axis=0)
    mean = (outcomes.score * seen).sum(axis=0) / np.maximum(count, 1)
    strong = int(np.argmax(np.where(count >= count.max() / 2, mean, -np.inf)))
    shared = seen & seen[:, [strong]]
    here = (outcomes.score * shared).sum(axis=0) / np.maximum(shared.sum(axis=0), 1)
    weak = int(np.argmin(np.where(shared.sum(axis=0) >= count[strong] / 2, here, np.inf)))
    return weak, strong


def headline(outcomes: Outcomes, router: Router) -> dict[str, float]:
    """Return, by stage, APGR between the extremes and the mean calibration of references that were tested enough."""
    rows = np.flatnonzero(outcomes.where(split="test"))
    weak, strong = extremes(outcomes)
    pair = outcomes.seen[rows][:, [weak, strong]].all(axis=1)
    metrics: dict[str, float] = {}
    for stage in router.stages:
        chance = router.chance(rows, stage)
        below, above = (outcomes.score[rows][pair, at].astype(np.float64) for at in (weak, strong))
        if pair.sum() >= LEAST_PAIRED and above.sum() > below.sum():
            metrics[f"apgr_{stage}"] = apgr((chance[:, strong] - chance[:, weak])[pair], below, above)
        every = []
        for column in range(len(outcomes.references)):
            seen = outcomes.seen[rows, column]
            if seen.sum() >= LEAST_TESTED:
                score = outcomes.score[rows[seen], column].astype(np.float64)
                every.append((calibration_error(chance[seen, column], score), brier_skill(chance[seen, column], score)))
        if every:
            metrics[f"ece_{stage}"], metrics[f"brier_skill_{stage}"] = np.mean(every, axis=0).tolist()
    return metrics
