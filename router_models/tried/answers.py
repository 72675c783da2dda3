"""What other models answered to the same question: no router can know it, so it bounds what any may hope for."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.bootstrap import codes_of
from router_models.data import Floats, Outcomes

SCALE: Final = 0.1
"""Brings some forty answers to about the length that a ridge of dense features assumes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Of each query: the others' outcomes less what each has on the mean, 0 where one was not asked, and their number.

    Beside them stands the mean over those that were asked.
    """

    features: Floats
    count: NDArray[np.intp]


def answers_of_others(outcomes: Outcomes, left_out: list[int]) -> Answers:
    """Return what all but the models of some columns answered to the questions that each query asks."""
    others = np.setdiff1d(np.arange(len(outcomes.references)), left_out)
    seen = outcomes.seen[:, others].astype(np.float64)
    score = outcomes.score[:, others] * seen
    codes = codes_of(np.array([query.group for query in outcomes.queries]))
    total, times = np.zeros((codes.max() + 1, len(others))), np.zeros((codes.max() + 1, len(others)))
    np.add.at(total, codes, score)
    np.add.at(times, codes, seen)
    mean = score.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    asked = times > 0
    away = np.where(asked, total / np.maximum(times, 1) - mean, 0.0)
    count = asked.sum(axis=1)
    level = away.sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, None]
    features = np.hstack([away * SCALE, level * 5.0])[codes].astype(np.float32)
    return Answers(features, count[codes].astype(np.intp))
