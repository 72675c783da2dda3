"""Maps from logits to outcomes."""

import numpy as np
import pytest

from router_models.platt import offset, platt, stretch
from router_models.scientific import logistic


def test_a_platt_map_mends_overconfident_logits() -> None:
    chance = np.random.default_rng(1)
    truth = chance.normal(0, 1, 20_000)
    score = (chance.random(20_000) < logistic(truth)).astype(np.float64)
    slope, shift = platt(3 * truth + 1, score)
    assert slope == pytest.approx(1 / 3, abs=0.03)
    assert shift == pytest.approx(-1 / 3, abs=0.06)


def test_a_platt_map_from_no_outcomes_is_the_identity() -> None:
    assert platt(np.array([]), np.array([])) == pytest.approx((1.0, 0.0))


def test_a_platt_map_never_turns_a_model_upside_down() -> None:
    logits = np.linspace(-3, 3, 500)
    assert platt(logits, (logits < 0).astype(np.float64))[0] > 0


def test_an_offset_meets_the_mean_score() -> None:
    logits = np.linspace(-2, 2, 400)
    shift, precision = offset(logits, np.full(400, 0.9))
    assert logistic(logits + shift).mean() == pytest.approx(0.9, abs=1e-6)
    assert precision > 10


def test_a_stretch_finds_how_far_logits_are_to_be_gone_beside_others() -> None:
    chance = np.random.default_rng(2)
    logits, fixed = chance.normal(0, 1, (20_000, 2)), chance.normal(0, 1, (20_000, 2))
    score = (chance.random(logits.shape) < logistic(0.5 * logits + fixed)).astype(np.float64)
    seen = chance.random(logits.shape) < 0.8
    assert stretch(logits, fixed, np.where(seen, score, 1 - score), seen) == pytest.approx(0.5, abs=0.05)
