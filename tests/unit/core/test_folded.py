"""The formulae around the folded table."""

import pytest

from gateway.core.folded import (
    FULLY_KNOWN_SHARE,
    GROUND_SHARE,
    UNKNOWN_SHARE,
    content_share,
    familiarity,
    likeness_rise,
    word_scale,
)


def test_a_text_of_no_words_is_unknown() -> None:
    assert familiarity(0.0, 0, 1) == 0.0


def test_familiarity_runs_from_unknown_to_known_by_the_share_of_known_words() -> None:
    assert familiarity(100 * UNKNOWN_SHARE, 100, 1) == 0.0
    assert familiarity(100 * FULLY_KNOWN_SHARE, 100, 1) == 1.0
    assert familiarity(100, 100, 1) == 1.0
    assert familiarity(50 * (UNKNOWN_SHARE + FULLY_KNOWN_SHARE), 100, 1) == pytest.approx(0.5)


def test_further_turns_lower_familiarity_down_to_a_floor() -> None:
    shares = [familiarity(10, 10, turns) for turns in (0, 1, 2, 5, 11, 500)]
    assert shares[0] == shares[1] == 1.0
    assert shares[1] > shares[2] > shares[3] > shares[4] == shares[5] > 0.55


def test_a_long_text_is_scaled_to_nearly_unit_length_and_a_short_one_to_less() -> None:
    assert word_scale(10_000.0) * 100.0 == pytest.approx(1.0, abs=1e-3)
    assert word_scale(9.0) * 3.0 < 0.9


@pytest.mark.parametrize(
    ("likeness", "share"), [(0.0, GROUND_SHARE), (0.2, GROUND_SHARE), (0.4, 0.65), (0.6, 1.0), (1.0, 1.0)]
)
def test_a_texts_content_is_believed_as_far_as_it_is_like_what_is_known(likeness: float, share: float) -> None:
    assert content_share(likeness_rise(likeness, 0.2, 0.6)) == pytest.approx(share)
