"""How strongly a fit is held, where its outcomes are few.

A ridge is a prior, and the losses are means over the outcomes, so the fewer outcomes there are the stronger the ridges
must be. Those of the settings were chosen on some 29,000 queries; with 1,350 the log loss of what was left out was
0.98, where even odds give 0.69, and queries were ordered worse than by their length.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from router_models.data import Mask
from router_models.low_rank import Settings
from router_models.scientific import Doubles

FEW_QUERIES: Final = 5_000
"""Fewer than this choose how strongly they are held, which takes seconds; more keep the settings as they are."""
TIMES: Final = (1.0, 3.0, 10.0, 30.0, 100.0)

Fitted = TypeVar("Fitted")


def held_best(
    settings: Settings,
    queries: int,
    fit: Callable[[Settings], Fitted],
    loss: Callable[[Fitted], float],
) -> tuple[Settings, Fitted]:
    """Return the settings that were used and what they gave; of few queries, those whose loss is least.

    `fit` fits on so many queries, `loss` judges it by outcomes that the fit has not seen.
    """
    if queries >= FEW_QUERIES:
        return settings, fit(settings)
    tried = [(held, fit(held)) for held in map(settings.held, TIMES)]
    return min(tried, key=lambda one: loss(one[1]))


def mean_log_loss(logits: Doubles, score: Doubles, seen: Mask) -> float:
    """Return the mean log loss of the outcomes that were seen, 0 of none."""
    losses = (np.logaddexp(0, logits) - score * logits) * seen
    return float(losses.sum() / max(int(seen.sum()), 1))
