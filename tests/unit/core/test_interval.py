"""The model's own interval of the quality kept."""

import pytest

from gateway.core.choices import Row
from gateway.core.interval import Ends, ends_of, quality_low
from gateway.domain.ability import Score, acceptance
from gateway.domain.calibration import CalibrationRequest
from tests.support.tiers import a_tier, an_ability

ROW, END = Row((0.6, 0.8), (1, 10), None), Ends((0.5, 0.7), 0.9)


def test_the_ends_are_those_of_each_tiers_interval() -> None:
    tiers = (a_tier("small", ability=an_ability(standard_error=0.5)), a_tier("large", 1, ability=an_ability(2.0)))
    request = CalibrationRequest(Score((0.3,), 1.0, "test"), 100)
    (end,) = ends_of(tiers, 1, [request])
    p_small, p_large = (acceptance(tier.ability, request.score) for tier in tiers)
    assert end.low[0] < p_small
    assert end.high_top >= p_large


def test_everything_to_the_strongest_keeps_everything() -> None:
    assert quality_low([ROW, ROW], [END, END], 1, [1, 1]) == 1.0


def test_one_request_says_nothing() -> None:
    assert quality_low([ROW], [END], 1, [0]) == 0.0


def test_the_bound_lies_below_the_ratio_by_what_the_ends_allow() -> None:
    """Two equal requests, both to the cheap tier: no sampling error, so by hand 0.75 − |(0.1, 0.75·0.1)| / 0.8."""
    low = quality_low([ROW, ROW], [END, END], 1, [0, 0])
    assert low == pytest.approx(0.75 - (0.2**2 + (0.75 * 0.2) ** 2) ** 0.5 / 1.6)
