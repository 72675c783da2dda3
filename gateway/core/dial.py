"""Set λ: the boldest dial that keeps a route's quality on the calibration requests, and how sure that is.

Quality is a ratio, R = Σ p(chosen) / Σ p(strongest), over the calibration requests; the strongest tier is that of
`value.strongest`. Its lower bound is R − z·s with z the normal's 95 % quantile and s² the sum of

- what the abilities' standard errors do to R. Each tier's error moves all its probabilities together, so its effect is
  Σ Δp over the requests it is chosen for, and the strongest tier's error moves numerator and denominator alike. The
  delta method, with secants to the ends of the interval instead of tangents, since those understate a wide one. Errors
  of different tiers are taken as independent; abilities estimated on the same requests err alike, which only narrows R.
  Errors of loadings are not known, so they are not counted.
- what the choice of calibration requests does to it: the variance of a ratio of means (Cochran 1977, eq. 6.13).

R and cost fall as λ grows, because each request's choice moves to cheaper tiers only. Choices change at finitely many
λ, so the boldest one is found by bisection between them, through the very rule that live requests take.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from gateway.core.value import best, expected_cost_usd_nano, strongest
from gateway.domain.ability import Z_95, Score, acceptance
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Dial, WhenUncertified
from gateway.domain.money import USD_NANO_PER_USD
from gateway.domain.tier import Tier


@dataclass(frozen=True, slots=True)
class _Row:
    """One calibration request: per tier p, its lower end, and cost; and the upper end of the strongest tier's p."""

    p: tuple[float, ...]
    p_low: tuple[float, ...]
    p_high_top: float
    costs_usd_nano: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Sample:
    """The calibration requests as a route's tiers answer them; `top` is the strongest's position."""

    rows: tuple[_Row, ...]
    tiers: int
    top: int
    quality: float | None


def choose_dial(
    tiers: tuple[Tier, ...],
    quality: float | None,
    explicit: float | None,
    when_uncertified: WhenUncertified,
    catalogue: Catalogue,
) -> Dial:
    """Choose λ for a route's tiers (in rank order) and say what it is expected to do.

    An explicit dial is taken as it is, and certified against `quality` if there is one. Otherwise λ is the largest
    whose lower bound reaches `quality`. Where only "everything to the strongest" does, nothing is certified and
    `when_uncertified` decides: the strongest only, or the largest λ whose expected quality reaches it.
    """
    top = strongest(tiers)
    rows = tuple(_row(tiers, top, request.score, request.input_tokens) for request in catalogue.requests)
    sample = _Sample(rows, len(tiers), top, quality)
    if explicit is not None:
        return _expect(sample, explicit)
    shares = _all_to(top, len(tiers))
    strongest_only = Dial(0.0, False, shares, quality=1.0, quality_low=1.0, cost_share=1.0, strongest_only=True)
    if quality is None:
        return strongest_only
    steps = _steps(rows)
    by_bound = _boldest(sample, steps, lambda dial: dial.quality_low >= quality)
    if by_bound.certified:
        return by_bound
    if when_uncertified is WhenUncertified.STRONGEST:
        return strongest_only
    return _boldest(sample, steps, lambda dial: dial.quality >= quality)


def _row(tiers: tuple[Tier, ...], top: int, score: Score, input_tokens: int) -> _Row:
    lows = (acceptance(tier.ability, score, shift=-Z_95 * tier.ability.standard_error) for tier in tiers)
    strong = tiers[top].ability
    return _Row(
        p=tuple(acceptance(tier.ability, score) for tier in tiers),
        p_low=tuple(lows),
        p_high_top=acceptance(strong, score, shift=Z_95 * strong.standard_error),
        costs_usd_nano=tuple(expected_cost_usd_nano(tier, input_tokens, tier.expected_output_tokens) for tier in tiers),
    )


def _steps(rows: Sequence[_Row]) -> list[float]:
    """Return one λ from each stretch on which no calibration request's choice changes; first of all 0."""
    crossings: set[float] = set()
    for row in rows:
        for (p, cost), (other_p, other_cost) in permutations(zip(row.p, row.costs_usd_nano, strict=True), 2):
            if p > other_p and cost > other_cost:
                crossings.add((p - other_p) / (cost - other_cost) * USD_NANO_PER_USD)
    edges = sorted(crossings)
    # Beyond the last crossing every λ is the same; twice it leaves room for live requests that cost less.
    beyond = [2.0 * edges[-1]] if edges else []
    return [0.0, *((low + high) / 2.0 for low, high in pairwise(edges)), *beyond]


def _boldest(sample: _Sample, steps: Sequence[float], is_enough: Callable[[Dial], bool]) -> Dial:
    """Bisect for the largest step that is enough; the first when none is."""
    reaching, failing = 0, len(steps)
    boldest = _expect(sample, steps[0])
    while failing - reaching > 1:
        middle = (reaching + failing) // 2
        tried = _expect(sample, steps[middle])
        if is_enough(tried):
            reaching, boldest = middle, tried
        else:
            failing = middle
    return boldest


def _expect(sample: _Sample, value: float) -> Dial:
    """Say what λ does on the calibration requests."""
    rows, top = sample.rows, sample.top
    if not rows:
        return Dial(value, False, _all_to(top, sample.tiers), quality=1.0, quality_low=0.0, cost_share=1.0)
    chosen = [best(row.p, row.costs_usd_nano, value) for row in rows]
    strong = sum(row.p[top] for row in rows)
    kept = sum(row.p[position] for row, position in zip(rows, chosen, strict=True))
    share = kept / strong if strong > 0.0 else 1.0
    low = max(0.0, share - _margin(sample, chosen, share))
    spent = sum(row.costs_usd_nano[position] for row, position in zip(rows, chosen, strict=True))
    most = sum(row.costs_usd_nano[top] for row in rows)
    shares = tuple(chosen.count(position) / len(rows) for position in range(sample.tiers))
    is_worth_it = shares[top] < 1.0 or all(min(row.costs_usd_nano) == row.costs_usd_nano[top] for row in rows)
    return Dial(
        value=value,
        certified=sample.quality is not None and low >= sample.quality and is_worth_it,
        shares=shares,
        quality=share,
        quality_low=low,
        cost_share=spent / most if most > 0 else 1.0,
    )


def _margin(sample: _Sample, chosen: Sequence[int], share: float) -> float:
    """Return z·s as described above; infinite where there is too little to tell: one request, or a strongest p of 0."""
    top = sample.top
    if all(position == top for position in chosen):
        return 0.0
    effects = [0.0] * sample.tiers
    residuals = 0.0
    for row, position in zip(sample.rows, chosen, strict=True):
        effects[top] += (float(position == top) - share) * (row.p_high_top - row.p[top])
        if position != top:
            effects[position] += row.p[position] - row.p_low[position]
        residuals += (row.p[position] - share * row.p[top]) ** 2
    requests, strong = len(sample.rows), sum(row.p[top] for row in sample.rows)
    if requests < 2 or strong == 0.0:
        return math.inf
    sampling = Z_95**2 * residuals * requests / (requests - 1)
    return math.sqrt(sum(effect * effect for effect in effects) + sampling) / strong


def _all_to(position: int, tiers: int) -> tuple[float, ...]:
    return tuple(float(tier == position) for tier in range(tiers))
