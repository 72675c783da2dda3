"""Fit the scale of a System One server's answers, from graded answers of models whose abilities are known.

A server told share s of a text. On our scale that is sigmoid(slope · logit(s) + offset), a position on the curve, and
by that the chance that a model of known ability answers well. Slope and offset are those under which the answers that
such models gave are likeliest: Platt's map (1999), seen through the abilities that a decision will use.

The likelihood is flat beyond the curve's ends and may have several rises, so it is looked over on a grid, which is made
finer around the best.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from gateway.core.difficulty_curve import DifficultyCurve, inner_logit
from gateway.domain.ability import Ability, Score, acceptance, logit_of, sigmoid
from gateway.domain.noun import noun

SLOPES: Final = (0.05, 20.0)
MIDDLES: Final = (-4.0, 4.0)
"""Logits of the share, at the mean of what the server told, between which it is looked for."""
_STEPS: Final = 10
_ROUNDS: Final = 4
_GAIN: Final = 0.002
"""Nats of an answer below which what a server tells is no better than telling the same of all."""


@noun
class ScaleAnswer:
    """One graded answer: what the server told of its question, and whether the model of that ability was right."""

    share: float
    ability: Ability
    is_right: bool


@noun
class Scale:
    """The scale, and the mean log loss of the answers by it (nats); `flat_loss` if all questions were told alike."""

    slope: float
    offset: float
    loss: float
    flat_loss: float


def fit_scale(answers: Sequence[ScaleAnswer], curve: DifficultyCurve) -> Scale:
    """Return the likeliest scale. Raises ValueError where what the server tells says nothing of the answers."""
    rows = _Rows(answers, curve)
    flat_loss = min(rows.loss(0.0, _at(MIDDLES, step, 4 * _STEPS)) for step in range(4 * _STEPS + 1))
    slopes, middles = (math.log(SLOPES[0]), math.log(SLOPES[1])), MIDDLES
    best = (math.inf, 0.0, 0.0)
    for _ in range(_ROUNDS):
        for i in range(_STEPS + 1):
            for j in range(_STEPS + 1):
                log_slope, middle = _at(slopes, i, _STEPS), _at(middles, j, _STEPS)
                best = min(best, (rows.loss(math.exp(log_slope), middle), log_slope, middle))
        slopes, middles = _around(slopes, best[1]), _around(middles, best[2])
    loss, log_slope, middle = best
    if loss > flat_loss - _GAIN:
        raise ValueError("what the server tells of the questions does not tell which of them were answered well")
    slope = math.exp(log_slope)
    return Scale(slope, middle - slope * rows.mean_logit, loss, flat_loss)


def log_loss(answers: Sequence[tuple[ScaleAnswer, Score]]) -> float:
    """Return the mean log loss (nats) of answers by scores that were come by in another way."""
    return sum(_surprise(acceptance(each.ability, score), each.is_right) for each, score in answers) / len(answers)


def _surprise(p: float, is_right: bool) -> float:
    return -math.log(max(p if is_right else 1.0 - p, 1e-12))


class _Rows:
    """The answers, with each ability's logits at the points of the curve: between those they are straight lines."""

    def __init__(self, answers: Sequence[ScaleAnswer], curve: DifficultyCurve) -> None:
        at_points = {
            id(each.ability): [logit_of(each.ability, Score(place, 1.0, "")) for place in curve.positions]
            for each in answers
        }
        self._shares = curve.shares
        self._rows = [(inner_logit(each.share), at_points[id(each.ability)], each.is_right) for each in answers]
        self.mean_logit = sum(told for told, _, _ in self._rows) / len(self._rows)

    def loss(self, slope: float, middle: float) -> float:
        """Return the mean log loss if a server's logit stands for `middle` at its mean and rises by `slope`."""
        total = 0.0
        for told, logits, is_right in self._rows:
            p = sigmoid(self._between(sigmoid(middle + slope * (told - self.mean_logit)), logits))
            total += _surprise(p, is_right)
        return total / len(self._rows)

    def _between(self, share: float, logits: Sequence[float]) -> float:
        shares = self._shares
        above = bisect_left(shares, share)
        if above in (0, len(shares)):
            return logits[min(above, len(shares) - 1)]
        part = (share - shares[above - 1]) / (shares[above] - shares[above - 1])
        return logits[above - 1] + part * (logits[above] - logits[above - 1])


def _at(ends: tuple[float, float], step: int, steps: int) -> float:
    return ends[0] + (ends[1] - ends[0]) * step / steps


def _around(ends: tuple[float, float], middle: float) -> tuple[float, float]:
    """Return two steps to each side of a point of the grid, within the ends."""
    reach = 2.0 * (ends[1] - ends[0]) / _STEPS
    return max(ends[0], middle - reach), min(ends[1], middle + reach)
