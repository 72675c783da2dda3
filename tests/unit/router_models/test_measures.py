"""Measures of routing quality, against figures worked out by hand."""

import numpy as np
import pytest

from router_models.measures import (
    Ladder,
    apgr,
    brier_skill,
    calibration_error,
    calls_needed,
    cost_share_at,
    frontier,
    two_tier,
    zero_router,
)

WEAK = np.array([0.0] * 5 + [1.0] * 5)
STRONG = np.ones(10)


def test_a_perfect_ranking_recovers_the_gap_as_soon_as_it_can() -> None:
    score = STRONG - WEAK
    assert apgr(score, WEAK, STRONG) == pytest.approx(0.75)
    assert calls_needed(score, WEAK, STRONG, 0.5) == pytest.approx(25.0)
    assert calls_needed(score, WEAK, STRONG, 0.8) == pytest.approx(40.0)


def test_the_worst_ranking_mirrors_the_perfect_one() -> None:
    assert apgr(WEAK - STRONG, WEAK, STRONG) == pytest.approx(0.25)


def test_a_random_ranking_is_worth_a_half() -> None:
    chance = np.random.default_rng(0)
    weak = (chance.random(20_000) < 0.6).astype(np.float64)
    strong = (chance.random(20_000) < 0.8).astype(np.float64)
    result = two_tier(chance.random(20_000), weak, strong, seed=0)
    assert result.low < 0.5 < result.high
    assert result.apgr == pytest.approx(0.5, abs=0.04)


def test_calibration_error_is_nought_for_honest_and_large_for_boastful_chances() -> None:
    chance = np.random.default_rng(0)
    truth = chance.random(50_000)
    outcome = (chance.random(50_000) < truth).astype(np.float64)
    assert calibration_error(truth, outcome) < 0.01
    assert calibration_error(np.full(50_000, 0.9), outcome) == pytest.approx(0.4, abs=0.01)


def test_brier_skill_is_nought_for_the_base_rate_and_one_for_the_truth() -> None:
    outcome = np.array([0.0, 1.0, 1.0, 0.0])
    assert brier_skill(np.full(4, 0.5), outcome) == pytest.approx(0.0)
    assert brier_skill(outcome, outcome) == 1.0
    assert brier_skill(outcome, np.ones(4)) == 0.0


def _ladder() -> Ladder:
    quality = np.array([[1.0, 1.0], [0.0, 1.0]])
    cost = np.array([[1.0, 10.0], [1.0, 10.0]])
    return Ladder(predicted=quality, expected_cost=cost, quality=quality, cost=cost)


def test_a_ladder_that_knows_keeps_all_quality_at_the_cost_of_what_is_needed() -> None:
    ladder = _ladder()
    assert cost_share_at(frontier(ladder), ladder, 1.0) == pytest.approx(0.55)


def test_the_zero_router_pays_in_proportion() -> None:
    ladder = _ladder()
    assert cost_share_at(zero_router(ladder), ladder, 0.75) == pytest.approx(0.55)
    assert cost_share_at(zero_router(ladder), ladder, 0.2) == pytest.approx(0.1)


def test_a_quality_that_is_never_reached_has_no_cost() -> None:
    ladder = _ladder()
    assert cost_share_at(zero_router(ladder)[:1], ladder, 0.99) is None
