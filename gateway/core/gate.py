"""Bound a loss from graded outcomes, in finite samples and whatever the difficulty model is worth.

Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei 2021): the settings of a router are tried in an order that
is fixed before any outcome is looked at, from the safest to the boldest, each with a p-value for "its risk is above α".
Going on while p ≤ δ and stopping at the first that is not (fixed-sequence testing, section 2.3 there), every setting
passed so far has a risk of at most α, all at once, with probability 1 − δ over the draw of the graded requests.

The risk. Let s and c be the scores, 0 to 1, of the strongest and of the chosen tier's answer to a request. The loss is
d = max(0, s − c): with graded right and wrong, 1 where the chosen tier is wrong and the strongest right. No credit is
given where the chosen tier is right and the strongest wrong, so

    E[c] ≥ E[s] − E[d],  and a route keeps the share q of the strongest's quality when  E[d] ≤ α = (1 − q)·E[s].

E[s] is not known either, so both sides are divided by it: the risk that is bounded is θ = E[d] / E[s], against 1 − q.
With scores of 0 and 1 only, θ = P(chosen wrong | strongest right), and the requests which the strongest tier answers
right are a plain binomial sample of it: the bound is Clopper and Pearson's (1934), exact. With any score in between,
E[d] is bounded from above and E[s] from below by the Hoeffding-Bentkus inequality (Bates et al. 2021,
"Distribution-free, risk-controlling prediction sets", and Learn then Test, proposition 3), which holds for all numbers
in [0, 1], each at a part of δ; their ratio bounds θ, less narrowly.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from gateway.domain.noun import noun

ERROR: Final = 0.05
"""δ: how often, over draws of the graded requests, a certificate may be wrong. Bounds elsewhere are at 95 % too."""

_ERROR_OF_LOSS: Final = 0.8 * ERROR
"""The larger part: the loss is the small number of the two, so its bound is the wider."""
_BISECTIONS: Final = 60
"""Halves an interval of length 1 to below a double's resolution."""
_PRECISION: Final = 1e-14
"""Of the continued fraction, which is there after some sqrt(max(a, b)) terms."""
_TINY: Final = 1e-300


def clopper_pearson(failures: int, trials: int, error: float = ERROR) -> float:
    """Return the upper end of the exact one-sided interval for a failure rate, at confidence 1 − `error`."""
    if failures >= trials:
        return 1.0
    return _edge(lambda rate: binomial_cdf(failures, trials, rate) <= error, failures / trials)[1]


def hoeffding_bentkus(mean: float, trials: int, risk: float) -> float:
    """Return a p-value for "numbers in [0, 1] with this mean were drawn with an expectation above `risk`"."""
    if mean >= risk:
        return 1.0
    if risk >= 1.0:
        return 0.0
    hoeffding = math.exp(-trials * _divergence(mean, risk))
    # A hair below, lest a mean of k / n be rounded up to k + 1 failures.
    bentkus = math.e * binomial_cdf(math.ceil(trials * mean - 1e-9), trials, risk)
    return min(1.0, hoeffding, bentkus)


def _divergence(mean: float, risk: float) -> float:
    """Kullback-Leibler divergence of two coins."""
    heads = mean * math.log(mean / risk) if mean > 0.0 else 0.0
    return heads + (1.0 - mean) * math.log((1.0 - mean) / (1.0 - risk))


@noun
class Gate:
    """What the strongest tier's answers to the graded requests allow.

    `mass` is the sum of its scores, `mass_low` what that is worth in expectation, at least. `is_exact`: every score on
    the route is 0 or 1.
    """

    requests: int
    mass: float
    mass_low: float
    is_exact: bool

    def certifies(self, lost: float, quality: float) -> bool:
        """Tell whether a quality is kept for certain, `lost` being the sum of the losses over the requests."""
        risk = 1.0 - quality
        if self.is_exact:
            return binomial_cdf(round(lost), round(self.mass), risk) <= ERROR
        risk *= self.mass_low / self.requests
        return hoeffding_bentkus(lost / self.requests, self.requests, risk) <= _ERROR_OF_LOSS

    def quality_low(self, lost: float) -> float:
        """Return the share of the strongest tier's quality that is kept at least, at confidence 1 − ERROR."""
        if lost >= self.mass_low:
            return 0.0
        if self.is_exact:
            return 1.0 - clopper_pearson(round(lost), round(self.mass))
        return 1.0 - _edge(lambda risk: self.certifies(lost, 1.0 - risk), lost / self.mass)[1]

    def allowance(self, quality: float) -> float | None:
        """Return the largest sum of losses that certifies a quality; None where not even none lost would."""
        if self.mass_low <= 0.0 or not self.certifies(0.0, quality):
            return None
        if self.is_exact:
            return float(_last(round(self.mass), lambda lost: self.certifies(lost, quality)))
        return _edge(lambda share: not self.certifies(share * self.mass, quality), 0.0)[0] * self.mass


def gate_of(strongest: Sequence[float], *, is_exact: bool) -> Gate:
    """Return the gate for these scores of the strongest tier."""
    requests, mass = len(strongest), sum(strongest)
    if is_exact or requests == 0:
        return Gate(requests, mass, mass, is_exact)
    missed = 1.0 - mass / requests
    at_most = _edge(lambda rate: hoeffding_bentkus(missed, requests, rate) <= ERROR - _ERROR_OF_LOSS, missed)[1]
    return Gate(requests, mass, requests * (1.0 - at_most), is_exact)


def binomial_cdf(successes: int, trials: int, chance: float) -> float:
    """Return P(at most `successes` of `trials`) by the incomplete beta function (DLMF 8.17.5)."""
    if successes >= trials or chance <= 0.0:
        return 1.0
    if chance >= 1.0:
        return 0.0
    return _beta(1.0 - chance, trials - successes, successes + 1)


def _beta(x: float, a: int, b: int) -> float:
    """Return the regularised incomplete beta function for 0 < x < 1, from whichever side converges fast."""
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: int, b: int) -> float:
    """Evaluate the continued fraction DLMF 8.17.22 by the modified Lentz method (Thompson and Barnett 1986)."""
    c, d = 1.0, 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value, factor, m = d, 0.0, 0
    while abs(factor - 1.0) > _PRECISION:
        m += 1
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _off_zero(1.0 + term * d)
            c = _off_zero(1.0 + term / c)
            factor = c * d
            value *= factor
    return value


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _edge(is_beyond: Callable[[float], bool], low: float) -> tuple[float, float]:
    """Return the neighbours between which a thing begins to hold that holds of 1: the last without, the first with."""
    high = 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if is_beyond(middle):
            high = middle
        else:
            low = middle
    return low, high


def _last(most: int, holds: Callable[[float], bool]) -> int:
    """Return the largest count up to `most` for which a thing holds that holds of 0."""
    holding, failing = 0, most + 1
    while failing - holding > 1:
        middle = (holding + failing) // 2
        if holds(middle):
            holding = middle
        else:
            failing = middle
    return holding
