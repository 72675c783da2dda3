"""How sure the difficulty model is of the quality that a λ keeps, where no graded answers tell.

The lower bound of R = Σ p(chosen) / Σ p(strongest) is R − z·s with z the normal's 95 % quantile and s² the sum of

- what the abilities' standard errors do to R. Each tier's error moves all its probabilities together, so its effect is
  Σ Δp over the requests it is chosen for, and the strongest tier's error moves numerator and denominator alike. The
  delta method, with secants to the ends of the interval instead of tangents, since those understate a wide one. Errors
  of different tiers are taken as independent; abilities estimated on the same requests err alike, which only narrows R.
  Errors of loadings are not known, so they are not counted.
- what the choice of calibration requests does to it: the variance of a ratio of means (Cochran 1977, eq. 6.13).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.core.choices import Row
from gateway.domain.ability import Z_95, acceptance
from gateway.domain.calibration import CalibrationRequest
from gateway.domain.tier import Tier


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of a request's interval that matter: below p for each tier, above p for the strongest."""

    low: tuple[float, ...]
    high_top: float


def ends_of(tiers: Sequence[Tier], top: int, requests: Iterable[CalibrationRequest]) -> tuple[Ends, ...]:
    """Return the ends for each request."""
    strong = tiers[top].ability
    return tuple(
        Ends(
            tuple(acceptance(tier.ability, each.score, shift=-Z_95 * tier.ability.standard_error) for tier in tiers),
            acceptance(strong, each.score, shift=Z_95 * strong.standard_error),
        )
        for each in requests
    )


def quality_low(rows: Sequence[Row], ends: Sequence[Ends], top: int, chosen: Sequence[int]) -> float:
    """Return the lower bound of R described above; 0 where there is too little to tell, and never below."""
    if all(position == top for position in chosen):
        return 1.0
    strong = sum(row.p[top] for row in rows)
    if len(rows) < 2 or strong <= 0.0:
        return 0.0
    share = sum(row.p[position] for row, position in zip(rows, chosen, strict=True)) / strong
    effects = [0.0] * len(rows[0].p)
    residuals = 0.0
    for row, end, position in zip(rows, ends, chosen, strict=True):
        effects[top] += (float(position == top) - share) * (end.high_top - row.p[top])
        if position != top:
            effects[position] += row.p[position] - end.low[position]
        residuals += (row.p[position] - share * row.p[top]) ** 2
    sampling = Z_95**2 * residuals * len(rows) / (len(rows) - 1)
    return max(0.0, share - math.sqrt(sum(effect * effect for effect in effects) + sampling) / strong)
