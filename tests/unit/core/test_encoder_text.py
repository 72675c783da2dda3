"""Which part of a request the encoder reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoder_text import encoder_ids
from gateway.core.wordpiece import WordPieces
from gateway.domain.classifier import ENCODER_CPU_TOKENS, ENCODER_TOKENS
from tests.support.vocabularies import small_vocabulary

PIECES = WordPieces(small_vocabulary())


def plain(text: str) -> list[int]:
    return [PIECES.first, *PIECES.ids(text), PIECES.last]


def between(word: str, count: int) -> str:
    """Return a word many times, with words between that no vocabulary knows and that do not come again."""
    return " ".join(f"{word} x{number}y" for number in range(count))


def test_a_short_text_is_read_whole() -> None:
    text = between("token", 20)
    assert encoder_ids(PIECES, text, "", ENCODER_TOKENS) == plain(text)


@pytest.mark.parametrize(("tokens", "head"), [(ENCODER_TOKENS, 96), (ENCODER_CPU_TOKENS, 36)])
@pytest.mark.parametrize("words", [300, 3_000])
def test_of_a_long_text_head_and_tail_are_read(tokens: int, head: int, words: int) -> None:
    text = f"{between('un', 60)} {between('the', words)} {between('of', 120)}"
    ids = encoder_ids(PIECES, text, "", tokens)
    start, end = PIECES.ids(between("un", 60)), PIECES.ids(between("of", 120))
    assert ids == [PIECES.first, *start[:head], *end[head + 2 - tokens :], PIECES.last]


def test_a_short_turn_is_read_with_what_it_leans_on() -> None:
    assert encoder_ids(PIECES, "of", "the " * 30, 256) == plain("the " * 30 + "of")
    assert encoder_ids(PIECES, "of " * 40, "the " * 30, 256) == plain("of " * 40)


def test_what_is_said_around_a_request_is_not_read() -> None:
    request = "the token of the unaffable"
    assert encoder_ids(PIECES, f"Hello! Please help me.\n\n{request}\n\nThank you!", "", 256) == plain(request)


def test_nothing_is_still_a_sequence() -> None:
    assert encoder_ids(PIECES, "", "", 256) == [PIECES.first, PIECES.last]


@given(st.text(), st.text(max_size=50), st.integers(1, 400), st.sampled_from([16, 96, 256]))
def test_no_text_is_longer_than_the_room_for_it(text: str, context: str, times: int, tokens: int) -> None:
    ids = encoder_ids(PIECES, text * times, context, tokens)
    assert 2 <= len(ids) <= tokens
    assert (ids[0], ids[-1]) == (PIECES.first, PIECES.last)
