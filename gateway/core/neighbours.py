"""What a tenant's labels say of a tier: a correction of its logit, small where little is known.

A tier's logit is taken to stand off by a level, the same for all requests, and by something of its own around each
request; both have normal priors of mean 0. Of each label the outcome y and the probability p that the difficulty model
gives it are known, and of a near one a weight w in (0, 1] by its closeness. One Newton step from 0 gives the most
likely value of each (a logistic regression with a ridge; local, Loader 1999, §4, for the second):

    level = Σ (y − p) / (Σ p·(1 − p) + κ/4)           over all labels
    local = Σ w·(y − q) / (Σ w·q·(1 − q) + κ'/4)      over the nearest, q being p with the level added

With n labels at even odds that is their mean residual, in logits, times n / (n + κ). Without the level, requests far
from all labels would be taken for better answered than those near, merely because less is known of them: of a new kind
of task, the order of requests then got worse with the first hundreds of labels.

From `LINE_FROM` labels on the level is no longer the same for all requests, but a line along what the model says of
them and along their texts' vectors: of a request with the probability p and the vector e (of length 1), x being
(1, logit p, e), it is x·b with the same step from 0 under a ridge R,

    b = (Σ p·(1 − p)·x x' + R)⁻¹ Σ x·(y − p)

where R holds the level by κ/4 as before, the number along the logit by `SAID_RIDGE`, and each along the vector by
`LINE_RIDGE`. On a kind of task that it was not trained on a model says too much for what it knows, or the wrong thing;
its labels tell how far it is to be believed there, and without the second number they could only add to what it says.
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
LINE_FROM: Final = 128
"""With 50 labels of a kind of task unknown in training the line ordered its requests worse than the level did (APGR
0.590 and 0.594), from 128 on better (0.604 and 0.602)."""
LINE_RIDGE: Final = 8.0
"""In units of information, of which a label has ¼ at most. On school maths left out of training 600 labels order
requests by 0.630 with the line and 0.609 with the level; a ridge of 4 adds 0.005 to that, one of 16 takes 0.008."""
SAID_RIDGE: Final = 20.0
"""In the same units. On school maths left out of training 600 labels order requests by 0.629 with it and 0.621 without
what the model says, on MMLU 1,000 labels by 0.641 and 0.633; 5 does as well, 40 takes half of that back."""
SAID_CHANCE_MIN: Final = 1e-4
"""Probabilities nearer to 0 and 1 than this have the logit of this one."""
LINE_SOLVED_EVERY: Final = 16
"""The line is worked out anew when one label in so many is another."""
LOCAL_DOUBT_LABELS: Final = 30.0
"""κ': with 6 or 15, the first hundreds of labels of a kind of task unknown in training ordered its requests worse; 20
and 40 differ from it by less than 0.001."""
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


def level_of(scores: Sequence[float], predicted: Sequence[float]) -> float:
    """Return how far a tier stands off by all its labels; the sequences follow the labels, `scores` being outcomes."""
    residual = information = 0.0
    for score, p in zip(scores, predicted, strict=True):
        residual += score - p
        information += p * (1.0 - p)
    return level_from(residual, information)


def level_from(residual: float, information: float) -> float:
    """Return the same from its two sums, Σ (y − p) and Σ p·(1 − p)."""
    return _bounded(residual / (information + DOUBT_LABELS / 4.0))


def raised(p: float, logit: float) -> float:
    """Return a probability with something added to its logit."""
    odds = p * math.exp(logit)
    # The complement is taken first: odds + 1 − p may come out below the odds by rounding, a probability then above 1.
    return odds / (odds + (1.0 - p))


def correction(
    tier: TierName, off: float, weights: Sequence[float], scores: Sequence[float], expected: Sequence[float]
) -> Correction:
    """Return what a tier stands off by, and what its near labels say beside.

    `off` is the level, or the line at the request. The three sequences follow the near labels: `expected` is the
    probability of each with the level, or with the line at the label, added.
    """
    labels = residual = information = 0.0
    for weight, score, q in zip(weights, scores, expected, strict=True):
        labels += weight
        residual += weight * (score - q)
        information += weight * q * (1.0 - q)
    local = residual / (information + LOCAL_DOUBT_LABELS / 4.0)
    return Correction(tier, _bounded(off + local), labels)


def _bounded(logit: float) -> float:
    return min(max(logit, -LOGIT_MAX), LOGIT_MAX)
