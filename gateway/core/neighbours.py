"""What labelled requests near a new one say of a tier: a correction of its logit, small where little is known.

A tier's logit is taken to stand off, around a request, by some δ with a normal prior of mean 0. Of each near label the
outcome y, the probability p that the difficulty model gives it, and a weight w in (0, 1] by its closeness are known.
One Newton step from δ = 0 gives the most likely value (a local logistic regression with a ridge, Loader 1999, §4):

    δ = Σ w·(y − p) / (Σ w·p·(1 − p) + κ/4)

With n labels at even odds that is their mean residual, in logits, times n / (n + κ).
"""

import math
from collections.abc import Sequence
from typing import Final

from gateway.domain.ability import Correction
from gateway.domain.ids import TierName

NEAREST: Final = 64
"""So many of a tier's labels are looked at. More are hardly near; with 64 the mean of even outcomes is known to 6 %."""
DOUBT_LABELS: Final = 6.0
"""κ: a tier's logit stands off by about 0.8 (standard deviation) on a kind of task that it was not calibrated on, by
the difficulty model's own training. The ridge of such a prior is 1/0.8², and a label at even odds counts ¼."""
LOGIT_MAX: Final = 2.0
"""Whatever the labels: from even odds a tier is moved to 12 % or 88 % at most, so bought ratings cannot close it."""
COSINE_FROM: Final = 0.2
"""Cosines of unrelated texts reach this; from here to 1 the weight grows with the square."""
LATENT_WIDTH: Final = 0.5
"""Standard deviation of the weight by latent distance, in root mean square per coordinate: the coordinates have
deviation 1 over the calibration requests, so two requests of any kind are some 1.4 apart."""


def closeness_by_cosine(cosine: float) -> float:
    """Return a label's weight by the cosine between its embedding and the request's."""
    above = (cosine - COSINE_FROM) / (1.0 - COSINE_FROM)
    return above * above if above > 0.0 else 0.0


def closeness_by_distance(squared: float) -> float:
    """Return a label's weight by its squared distance in the latent space, mean over the coordinates."""
    return math.exp(-0.5 * squared / (LATENT_WIDTH * LATENT_WIDTH))


def correction(
    tier: TierName, weights: Sequence[float], scores: Sequence[float], predicted: Sequence[float]
) -> Correction:
    """Return what the near labels of a tier say; the three sequences follow the labels, `scores` being outcomes."""
    labels = residual = information = 0.0
    for weight, score, p in zip(weights, scores, predicted, strict=True):
        labels += weight
        residual += weight * (score - p)
        information += weight * p * (1.0 - p)
    step = residual / (information + DOUBT_LABELS / 4.0)
    return Correction(tier, min(max(step, -LOGIT_MAX), LOGIT_MAX), labels)
