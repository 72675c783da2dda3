"""P(acceptable), from where a request lies and how able a model is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ability import Ability, Correction, Score, acceptance, sigmoid, unknown_score
from gateway.domain.ids import TierName

ABLE = Ability("m", 0.5, (1.0, -2.0), 0.2, 0.7, ("chat",))
probabilities = st.floats(0.001, 0.999)


def _ability(prior: float, intercept: float = 0.5) -> Ability:
    return Ability("m", intercept, (1.0, -2.0), 0.2, prior, ())


def test_a_familiar_request_is_judged_by_the_model_alone() -> None:
    score = Score((1.0, 0.25), 1.0, "folded")
    assert acceptance(ABLE, score) == pytest.approx(sigmoid(0.5 + 1.0 - 0.5))


def test_an_unknown_request_is_judged_by_the_prior() -> None:
    score = unknown_score("rules")
    assert not score.is_known
    assert score.scorer == "rules"
    assert acceptance(ABLE, score) == 0.7


def test_what_is_half_familiar_lies_half_way() -> None:
    known, half = Score((1.0, 0.25), 1.0, "folded"), Score((1.0, 0.25), 0.5, "folded")
    assert half.is_known
    assert acceptance(ABLE, half) == pytest.approx((acceptance(ABLE, known) + 0.7) / 2)


def test_a_score_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="an ability of 2 loadings meets a score of 1 numbers"):
        acceptance(ABLE, Score((1.0,), 1.0, "folded"))


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_certain_prior_cannot_be_shifted(prior: float) -> None:
    assert acceptance(_ability(prior), unknown_score("x"), shift=-3.0) == prior


@given(probabilities, st.floats(-5, 5), st.floats(0, 1), st.floats(0, 5))
def test_a_shift_moves_the_probability_its_own_way(
    prior: float, latent: float, familiarity: float, shift: float
) -> None:
    ability, score = _ability(prior), Score((latent, 0.0), familiarity, "folded")
    low, middle, high = (acceptance(ability, score, shift=step) for step in (-shift, 0.0, shift))
    assert low <= middle + 1e-12
    assert middle <= high + 1e-12
    assert low >= 0.0
    assert high <= 1.0


@given(probabilities, st.floats(-5, 5))
def test_the_interval_does_not_jump_where_a_request_becomes_unknown(prior: float, shift: float) -> None:
    barely, unknown = Score((1.0, 1.0), 1e-9, "folded"), unknown_score("folded")
    at_edge, beyond = (acceptance(_ability(prior), score, shift=shift) for score in (barely, unknown))
    assert at_edge == pytest.approx(beyond, abs=1e-6)


@pytest.mark.parametrize("logit", [-1000.0, -1.0, 0.0, 1.0, 1000.0])
def test_the_logistic_function_does_not_overflow(logit: float) -> None:
    assert sigmoid(logit) == pytest.approx(1.0 - sigmoid(-logit))
    if abs(logit) < 100:
        assert sigmoid(logit) == pytest.approx(1.0 / (1.0 + math.exp(-logit)))


def test_feedback_shifts_only_the_tier_it_is_about() -> None:
    score = Score((0.0, 0.0), 1.0, "folded", corrections=(Correction(TierName("small"), -0.4, 9.0),))
    assert score.shift_of(TierName("small")) == -0.4
    assert score.shift_of(TierName("large")) == 0.0
    assert unknown_score("folded").shift_of(TierName("small")) == 0.0
