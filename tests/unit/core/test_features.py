"""What is read of a text."""

import pytest

from gateway.core.features import (
    CONTEXT_CHARS,
    HEAD_CHARS,
    NO_FEATURES,
    SCALAR_NAMES,
    SHORT_TURN_CHARS,
    TAIL_CHARS,
    extract,
    read_text,
)


def _scalar(text: str, name: str) -> float:
    return extract(text).scalars[SCALAR_NAMES.index(name)]


def test_words_are_lower_case_with_digits_as_zero_and_marks_left_out() -> None:
    assert extract("What's 12 + 345? WHAT!").words == {b"what", b"s", b"00", b"000"}


def test_words_of_other_scripts_are_kept_as_utf_8() -> None:
    assert extract("Größe 大きさ").words == {"größe".encode(), "大きさ".encode()}


@pytest.mark.parametrize("text", ["", "   \n\t", "?!…"[:2], "+-*/"])
def test_a_text_without_words_has_no_features(text: str) -> None:
    assert extract(text) is NO_FEATURES


def test_every_scalar_has_a_name() -> None:
    assert len(extract("one").scalars) == len(SCALAR_NAMES) == len(NO_FEATURES.scalars)


def test_marks_and_shares_are_counted() -> None:
    assert _scalar("a?", "count '?'") > _scalar("a", "count '?'") == 0.0
    assert _scalar("1234", "digit_share") == 1.0
    assert _scalar("abc", "non_ascii_share") == 0.0
    assert _scalar("ééé", "non_ascii_share") == 0.5
    assert _scalar("a a a a", "distinct_share") == 0.25


def test_a_long_text_is_read_at_both_ends_only() -> None:
    head, tail = "h" * HEAD_CHARS, "t" * TAIL_CHARS
    raw, size = read_text(f"{head}{'m' * 10_000}{tail}", "")
    assert raw == f"{head} {tail}".encode()
    assert size == HEAD_CHARS + 10_000 + TAIL_CHARS
    assert _scalar(f"{head}{'m' * 10_000}{tail}", "is_cut") == 1.0


def test_a_text_that_fits_is_read_whole() -> None:
    text = "w" * (HEAD_CHARS + TAIL_CHARS)
    assert read_text(text, "") == (text.encode(), len(text))


def test_a_short_turn_is_read_with_the_end_of_the_turn_before() -> None:
    raw, size = read_text("and in French?", "x" * 1_000 + "rain")
    assert raw == b"x" * (CONTEXT_CHARS - 4) + b"rain\nand in French?"
    assert size == CONTEXT_CHARS + 15


def test_a_longer_turn_stands_for_itself() -> None:
    text = "q" * SHORT_TURN_CHARS
    assert read_text(text, "something else") == (text.encode(), SHORT_TURN_CHARS)


def test_a_lone_surrogate_is_read_like_any_letter() -> None:
    assert extract("a \ud800 b").words == {b"a", b"b", b"\xed\xa0\x80"}
