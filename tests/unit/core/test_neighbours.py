"""What labels near a request say of a tier."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.neighbours import (
    COSINE_FROM,
    DOUBT_LABELS,
    LOCAL_DOUBT_LABELS,
    LOGIT_MAX,
    closeness_by_cosine,
    closeness_by_distance,
    correction,
    level_from,
    level_of,
    raised,
)
from gateway.domain.ids import TierName

SMALL = TierName("small")
PROBABILITIES = st.floats(0.0, 1.0)


def test_no_label_corrects_nothing() -> None:
    assert level_of([], []) == 0.0
    nothing = correction(SMALL, 0.0, [], [], [])
    assert (nothing.tier, nothing.logit, nothing.labels) == (SMALL, 0.0, 0.0)


def test_labels_at_even_odds_give_their_mean_residual_shrunk_by_their_number() -> None:
    count = 18
    outcomes, even = [1.0] * 12 + [0.0] * 6, [0.5] * count
    mean_in_logits = (12 - 6) * 0.5 / (count / 4)
    assert level_of(outcomes, even) == pytest.approx(mean_in_logits * count / (count + DOUBT_LABELS))
    found = correction(SMALL, 0.0, [1.0] * count, outcomes, even)
    assert found.logit == pytest.approx(mean_in_logits * count / (count + LOCAL_DOUBT_LABELS))
    assert found.labels == count


def test_far_from_all_labels_a_tier_stands_off_by_its_level() -> None:
    assert correction(SMALL, -0.7, [], [], []).logit == -0.7
    assert correction(SMALL, -0.7, [0.0], [1.0], [0.5]).logit == -0.7


def test_labels_that_the_level_explains_add_nothing_of_their_own() -> None:
    expected = [raised(0.5, math.log(3.0))] * 2
    assert correction(SMALL, math.log(3.0), [1.0, 1.0], [0.75, 0.75], expected).logit == pytest.approx(math.log(3.0))


@example(1.0, 0.125)
@given(PROBABILITIES, st.floats(-LOGIT_MAX, LOGIT_MAX))
def test_a_raised_probability_is_still_one(p: float, logit: float) -> None:
    assert 0.0 <= raised(p, logit) <= 1.0
    assert raised(raised(p, logit), -logit) == pytest.approx(p, abs=1e-9)
    assert raised(0.5, logit) == pytest.approx(1 / (1 + math.exp(-logit)))


def test_labels_as_good_as_predicted_correct_nothing() -> None:
    assert correction(SMALL, 0.0, [1.0, 0.5], [0.7, 0.2], [0.7, 0.2]).logit == 0.0


def test_a_distant_label_says_less() -> None:
    near, far = (correction(SMALL, 0.0, [weight], [0.0], [0.8]).logit for weight in (1.0, 0.1))
    assert near < far < 0.0


def test_no_number_of_labels_moves_a_tier_beyond_the_bound() -> None:
    assert level_from(-1_000.0, 1.0) == -LOGIT_MAX
    assert correction(SMALL, -LOGIT_MAX, [1.0] * 64, [0.0] * 64, [0.99] * 64).logit == -LOGIT_MAX
    assert correction(SMALL, LOGIT_MAX, [1.0] * 64, [1.0] * 64, [0.01] * 64).logit == LOGIT_MAX


@given(st.lists(st.tuples(PROBABILITIES, PROBABILITIES, PROBABILITIES), max_size=64))
def test_a_better_outcome_never_lowers_a_tier(labels: list[tuple[float, float, float]]) -> None:
    weights, scores, predicted = ([each[at] for each in labels] for at in range(3))
    as_it_is, better = (
        correction(SMALL, 0.5, weights, outcomes, predicted)
        for outcomes in (scores, [min(1.0, y + 0.1) for y in scores])
    )
    assert -LOGIT_MAX <= as_it_is.logit <= better.logit <= LOGIT_MAX


def test_closeness_falls_from_one_for_the_same_text_to_nothing_for_any_other() -> None:
    assert closeness_by_cosine(1.0) == 1.0
    assert closeness_by_cosine(COSINE_FROM) == 0.0
    assert closeness_by_cosine(-1.0) == 0.0
    assert 0.0 < closeness_by_cosine(0.5) < closeness_by_cosine(0.8) < 1.0
    assert closeness_by_distance(0.0) == 1.0
    assert closeness_by_distance(2.0) < 0.05 < closeness_by_distance(0.5) < 1.0
