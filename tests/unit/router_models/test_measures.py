"""Measures of routing between two tiers and of calibration, against figures worked out by hand."""

import numpy as np
import pytest

from router_models.measures import (
    apgr,
    brier_skill,
    calibration_error,
    calls_needed,
    debiased_error,
    gap_recovered,
    reliability,
)

WEAK = np.array([0.0] * 5 + [1.0] * 5)
STRONG = np.ones(10)


def test_a_perfect_ranking_recovers_the_gap_as_soon_as_it_can() -> None:
    score = STRONG - WEAK
    assert apgr(score, WEAK, STRONG) == pytest.approx(0.75)
    recovered = gap_recovered(score, WEAK, STRONG)
    assert calls_needed(recovered, 0.5) == pytest.approx(25.0)
    assert calls_needed(recovered, 0.8) == pytest.approx(40.0)
    assert calls_needed(recovered, 0.0) == 0.0


def test_the_worst_ranking_mirrors_the_perfect_one() -> None:
    assert apgr(WEAK - STRONG, WEAK, STRONG) == pytest.approx(0.25)


def test_where_the_strong_model_is_sometimes_the_worse_the_oracle_passes_one() -> None:
    weak, strong = np.array([0.0, 0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    assert gap_recovered(strong - weak, weak, strong).max() == pytest.approx(1.5)


def _honest() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    truth = chance.random(20_000)
    return truth, (chance.random(20_000) < truth).astype(np.float64)


def test_calibration_error_is_nought_for_honest_and_large_for_boastful_chances() -> None:
    truth, outcome = _honest()
    assert calibration_error(truth, outcome) < 0.012
    assert calibration_error(np.full(20_000, 0.9), outcome) == pytest.approx(0.4, abs=0.01)


def test_what_chance_adds_to_an_error_of_calibration_is_taken_off() -> None:
    truth, outcome = _honest()
    few, came = truth[:300], outcome[:300]
    assert calibration_error(few, came) > 0.04
    assert debiased_error(few, came, 0) < 0.03
    assert debiased_error(np.full(20_000, 0.9), outcome, 0) == pytest.approx(0.4, abs=0.02)


def test_bins_hold_equal_shares_in_the_order_of_chances() -> None:
    truth, outcome = _honest()
    bins = reliability(truth, outcome)
    assert bins.share.sum() == pytest.approx(1.0)
    assert (np.diff(bins.chance) > 0).all()
    assert bins.share == pytest.approx(1 / 15, abs=1e-3)


def test_brier_skill_is_nought_for_the_base_rate_and_one_for_the_truth() -> None:
    outcome = np.array([0.0, 1.0, 1.0, 0.0])
    assert brier_skill(np.full(4, 0.5), outcome) == pytest.approx(0.0)
    assert brier_skill(outcome, outcome) == 1.0
    assert brier_skill(outcome, np.ones(4)) == 0.0
