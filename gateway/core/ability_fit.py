"""Fit a tier's ability from graded answers: maximum a posteriori, with Laplace's covariance.

Model: P(right) = sigmoid(b + a·z), z the latent position of a probe's text. Prior: (b, a) is normal, with mean and
covariance those of the reference models, so that what the probes cannot tell (how a tier differs between kinds of
request on which they say little) is taken from models at large. The posterior is log-concave, so Newton's method with
halved steps finds its one maximum (Bishop 2006, "Pattern Recognition and Machine Learning", §4.5).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.core.cholesky import Matrix, Vector, factor, inverse, solve
from gateway.domain.ability import Ability, sigmoid
from gateway.domain.noun import noun

MAX_STEPS: Final = 100
CONVERGED: Final = 1e-9
"""Newton's decrement, in units of the log posterior, below which a further step changes nothing that is written."""
DIAGONAL_SHARE: Final = 0.05
"""Of the prior's covariance replaced by its diagonal: 86 references leave some directions of 17 almost unseen."""
LEAST_DEVIATION: Final = 0.05
"""The prior's, of any number: references that agree to the last digit shall not forbid a tier that differs."""


@noun
class Observation:
    """One graded answer: where the question lies, and whether the answer was right."""

    latent: tuple[float, ...]
    is_right: bool


@noun
class AbilityPrior:
    """What is believed of a model before it is asked: of the intercept, then of each loading."""

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


@noun
class AbilityFit:
    """The most probable intercept and loadings, and their covariance in that order."""

    intercept: float
    loadings: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    def logit(self, latent: Sequence[float]) -> float:
        """Return the logit of P(right) at a position."""
        return self.intercept + math.fsum(a * z for a, z in zip(self.loadings, latent, strict=True))

    def logit_variance(self, latent: Sequence[float]) -> float:
        """Return the variance of that logit, given the answers."""
        at = (1.0, *latent)
        return math.fsum(at[i] * at[j] * self.covariance[i][j] for i in range(len(at)) for j in range(len(at)))

    def deviations(self) -> tuple[float, ...]:
        """Return the standard errors of the intercept and of each loading."""
        return tuple(math.sqrt(row[at]) for at, row in enumerate(self.covariance))


def prior_of(references: Iterable[Ability]) -> AbilityPrior:
    """Return the normal distribution that the reference models suggest. Raises ValueError for fewer than three."""
    points = [(each.intercept, *each.loadings) for each in references]
    if len(points) < 3:
        raise ValueError(f"a prior needs three reference models at least, found {len(points)}")
    size = len(points[0])
    mean = tuple(math.fsum(point[at] for point in points) / len(points) for at in range(size))
    covariance = [
        [
            math.fsum((point[i] - mean[i]) * (point[j] - mean[j]) for point in points) / (len(points) - 1)
            for j in range(size)
        ]
        for i in range(size)
    ]
    for i in range(size):
        for j in range(size):
            covariance[i][j] *= 1.0 if i == j else 1.0 - DIAGONAL_SHARE
        covariance[i][i] += LEAST_DEVIATION**2
    return AbilityPrior(mean, tuple(tuple(row) for row in covariance))


def fit_ability(observations: Sequence[Observation], prior: AbilityPrior, *, max_steps: int = MAX_STEPS) -> AbilityFit:
    """Return the most probable ability given the answers. Without any it is the prior itself."""
    rows = [(1.0, *each.latent) for each in observations]
    right = [float(each.is_right) for each in observations]
    precision = inverse(prior.covariance)
    at = list(prior.mean)
    height = _log_posterior(at, rows, right, prior.mean, precision)
    for _ in range(max_steps):
        gradient, hessian = _derivatives(at, rows, right, prior.mean, precision)
        step = solve(factor(hessian), gradient)
        gain = math.fsum(g * s for g, s in zip(gradient, step, strict=True))
        if gain < CONVERGED:
            break
        length = 1.0
        while True:
            tried = [x + length * s for x, s in zip(at, step, strict=True)]
            tried_height = _log_posterior(tried, rows, right, prior.mean, precision)
            # Armijo's rule with its usual constant; at the limit of precision no step gains, and this one is the last.
            if tried_height >= height + 1e-4 * length * gain or length < 1e-6:
                break
            length /= 2.0
        at, height = tried, tried_height
    _, hessian = _derivatives(at, rows, right, prior.mean, precision)
    return AbilityFit(at[0], tuple(at[1:]), tuple(tuple(row) for row in inverse(hessian)))


def _log_posterior(
    at: Vector, rows: Sequence[tuple[float, ...]], right: Vector, mean: Sequence[float], precision: Matrix
) -> float:
    away = [x - m for x, m in zip(at, mean, strict=True)]
    pull = math.fsum(away[i] * away[j] * precision[i][j] for i in range(len(at)) for j in range(len(at)))
    total = 0.0
    for row, is_right in zip(rows, right, strict=True):
        logit = math.fsum(x * z for x, z in zip(at, row, strict=True))
        total += is_right * logit - _softplus(logit)
    return total - pull / 2.0


def _softplus(logit: float) -> float:
    return max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))


def _derivatives(
    at: Vector, rows: Sequence[tuple[float, ...]], right: Vector, mean: Sequence[float], precision: Matrix
) -> tuple[Vector, Matrix]:
    """Return the gradient of the log posterior, and the negative of its second derivatives."""
    size = len(at)
    away = [x - m for x, m in zip(at, mean, strict=True)]
    gradient = [-math.fsum(precision[i][j] * away[j] for j in range(size)) for i in range(size)]
    curvature = [list(row) for row in precision]
    for row, is_right in zip(rows, right, strict=True):
        p = sigmoid(math.fsum(x * z for x, z in zip(at, row, strict=True)))
        weight = p * (1.0 - p)
        for i, z in enumerate(row):
            gradient[i] += (is_right - p) * z
            scaled, target = weight * z, curvature[i]
            for j in range(i + 1):
                target[j] += scaled * row[j]
    for i in range(size):
        for j in range(i):
            curvature[j][i] = curvature[i][j]
    return gradient, curvature


def shift_variance(between_tasks: float, kinds_probed: int, kinds_served: int) -> float:
    """Return the variance that comes of probes not being the traffic, on the logit scale.

    A model's offset differs from one kind of task to another with the deviation `between_tasks`. What is measured is
    its mean over the kinds that were probed, what is wanted its mean over those that are served, and none is both:
    the variance of the difference of two such means.
    """
    return between_tasks**2 * (1.0 / max(kinds_probed, 1) + 1.0 / max(kinds_served, 1))
