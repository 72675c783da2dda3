"""What is read of a text."""

import math
from string import ascii_lowercase

import pytest

from gateway.core.features import NO_FEATURES, SCALAR_NAMES, extract
from gateway.core.plain_text import HEAD_CHARS, TAIL_CHARS

MANY_WORDS = " ".join(f"{one}{two}" for one in ascii_lowercase for two in ascii_lowercase)
ASKED = "Name the three largest moons of each planet beyond the asteroid belt, with their radii in km."


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
    head, tail = "h" * 20 + " " * (HEAD_CHARS - 20), " " * (TAIL_CHARS - 20) + "t" * 20
    text = f"{head}{MANY_WORDS}{tail}"
    assert extract(text).words == {b"h" * 20, b"t" * 20}
    assert _scalar(text, "is_cut") == 1.0
    assert _scalar(text, "log_chars") == pytest.approx(math.log1p(41 + len(MANY_WORDS)) * 0.2)


def test_a_text_that_fits_is_read_whole() -> None:
    assert _scalar(MANY_WORDS[: HEAD_CHARS + TAIL_CHARS], "is_cut") == 0.0


def test_a_short_turn_is_read_with_the_turn_before() -> None:
    assert extract("and in French?", "rain").words == {b"and", b"in", b"french", b"rain"}


@pytest.mark.parametrize(
    "text",
    [
        f"Hello! Please help.\n\n{ASKED}\n\nThanks a lot!",
        f"{ASKED}  \n\n\n ",
        ASKED.replace(" ", "\u2003"),
        ASKED.replace("Name", "Na\u200bme"),
        ASKED.replace(" of", "   of"),
        f"{ASKED} {'QUJD' * 50}",
    ],
)
def test_what_says_nothing_changes_no_feature(text: str) -> None:
    assert extract(text) == extract(ASKED)


def test_a_word_said_over_and_over_hardly_lengthens_a_text() -> None:
    assert _scalar(ASKED + " very" * 200, "log_words") < _scalar(f"{ASKED} {ASKED}", "log_words")


def test_a_long_text_that_repeats_itself_at_an_end_is_read_without() -> None:
    padded = extract(f"{MANY_WORDS} {'very ' * 400}")
    assert b"very" in padded.words
    assert len(padded.words) > 100
    assert not extract(f"{ASKED} {'very ' * 400}\n\nThank you very much!").words - extract(f"{ASKED} very").words


@pytest.mark.parametrize("space", ["\t", "  ", "\r", "\n\n", "\n ", "\x0b\n \n"])
def test_white_space_of_a_framed_long_text_that_repeats_itself_is_read_as_even(space: str) -> None:
    asked = "Hello! Please help.\n" + f"{ASKED}\n{ASKED} ".replace(" of ", f"{space}of ") * 12
    even = asked.replace(space, "\n" if "\n" in space else " ")
    assert extract(asked) == extract(even)


def test_of_a_text_whose_words_stand_between_its_ends_alone_nothing_is_known() -> None:
    marks = "*" * (HEAD_CHARS + TAIL_CHARS)
    thanks = f"{'please help me thanks ' * 8}.\n"
    assert extract(f"{thanks * 4}{marks} word {marks}\n{thanks * 4}") is NO_FEATURES


def test_blank_lines_do_not_count() -> None:
    assert (
        _scalar("mars\n\n  \nvenus", "log_lines")
        == _scalar("mars\nvenus", "log_lines")
        > _scalar("mars venus", "log_lines")
    )


def test_a_lone_surrogate_is_read_like_any_letter() -> None:
    assert extract("a \ud800 b").words == {b"a", b"b", b"\xed\xa0\x80"}
