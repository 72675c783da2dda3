"""From one number for how hard a request is back to a position in the latent space: the mean of the positions there.

The number is `core.difficulty`'s share of reference models that fail. Requests of the same share lie at different
positions, and which of them is meant it does not tell, so the likeliest is taken: the mean of calibration requests with
about that share. Shares are those of wholly familiar requests: whoever gives such a number has read the request.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.core.difficulty import failing_share
from gateway.domain.ability import Ability, Score, sigmoid
from gateway.domain.calibration import CalibrationRequest
from gateway.domain.noun import noun

POINTS: Final = 20
"""Groups of calibration requests, each of as many."""
_EDGE: Final = 1e-3
"""Shares nearer to 0 or 1 are taken for this: no scale has such ends in its data."""


@noun
class DifficultyCurve:
    """Positions by their share of failing references; both are equally long, and shares rise."""

    shares: tuple[float, ...]
    positions: tuple[tuple[float, ...], ...]


def curve_of(references: Sequence[Ability], requests: Iterable[CalibrationRequest]) -> DifficultyCurve:
    """Draw the curve through requests of which one at least has a position."""
    known = [request.score.latent for request in requests if request.score.is_known]
    known.sort(key=lambda position: _share_at(references, position))
    groups = min(POINTS, len(known))
    bounds = [len(known) * group // groups for group in range(groups + 1)]
    means = [_mean(known[bounds[group] : bounds[group + 1]]) for group in range(groups)]
    # A share at a mean is not the mean of the shares, and neighbours in dense places may change their order by that.
    points: list[tuple[float, tuple[float, ...]]] = []
    for position in means:
        share = _share_at(references, position)
        if not points or share > points[-1][0]:
            points.append((share, position))
    return DifficultyCurve(tuple(share for share, _ in points), tuple(position for _, position in points))


def position_at(curve: DifficultyCurve, share: float) -> tuple[float, ...]:
    """Return the position of a share: between two points by how near it is to each, and beyond the ends at the end."""
    shares, positions = curve.shares, curve.positions
    above = bisect_left(shares, share)
    if above == 0:
        return positions[0]
    if above == len(shares):
        return positions[-1]
    part = (share - shares[above - 1]) / (shares[above] - shares[above - 1])
    return tuple(low + part * (high - low) for low, high in zip(positions[above - 1], positions[above], strict=True))


def rescaled(share: float, slope: float, offset: float) -> float:
    """Return a share on our scale of one on another: sigmoid(slope · logit + offset), Platt's map."""
    return sigmoid(slope * inner_logit(share) + offset)


def inner_logit(share: float) -> float:
    """Return the logit of a share, which the ends have too: as those nearest to them that any data has."""
    inner = min(max(share, _EDGE), 1.0 - _EDGE)
    return math.log(inner / (1.0 - inner))


def _share_at(references: Sequence[Ability], position: tuple[float, ...]) -> float:
    return failing_share(references, Score(position, 1.0, ""))


def _mean(positions: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(numbers) / len(positions) for numbers in zip(*positions, strict=True))
