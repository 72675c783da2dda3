"""How many known texts are looked at."""

from gateway.core.known_texts import KNOWN_DOUBT, KNOWN_NEAREST, LIKE_NEAREST


def test_likeness_is_read_off_the_texts_that_are_looked_at_anyway() -> None:
    assert 0 < LIKE_NEAREST <= KNOWN_NEAREST


def test_one_near_text_alone_moves_a_position_by_less_than_half_its_step() -> None:
    assert 1.0 / (1.0 + KNOWN_DOUBT) < 0.5
