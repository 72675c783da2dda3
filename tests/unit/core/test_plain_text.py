"""What changes a text's looks or length and says nothing is not read."""

import base64

import pytest

from gateway.core.plain_text import (
    BLOB_CHARS,
    CONTEXT_CHARS,
    LOOKED_AT_CHARS,
    REPEATED_TIMES,
    SHORT_TURN_CHARS,
    essence,
    plain_text,
    repeats,
    turn_text,
    without_repeats,
)

ASKED = "Which planet has the shortest year?"


@pytest.mark.parametrize(
    "text",
    [
        "Which\u00a0planet\u2003has\u3000the shortest year?",
        "Wh\u200bich pla\u2060net has the short\ufeffest ye\u00adar?",
        "\uff37hich planet has the shortest year?",
        f"{ASKED}\n\n{base64.b64encode(bytes(range(60))).decode()}",
        f"  {ASKED}  \n",
    ],
)
def test_what_says_nothing_is_not_read(text: str) -> None:
    assert plain_text(text) == (ASKED, 0)


@pytest.mark.parametrize(
    ("marked", "read"),
    [
        ("## Task\n\n- **A.** one\n* two\n> three", "Task\n\nA. one\ntwo\nthree"),
        ("one  \ntwo\t \n", "one\ntwo"),
        ("x**2 + 2**3 and\n-5", "x**2 + 2**3 and\n-5"),
        ("a **b c** d", "a b c d"),
        ("def f(**options): pass", "def f(**options): pass"),
    ],
)
def test_marks_of_layout_are_not_read(marked: str, read: str) -> None:
    assert plain_text(marked) == (read, 0)


def test_a_long_word_and_a_path_stay() -> None:
    text = f"{'a' * (BLOB_CHARS - 1)} https://example.org/{'b' * 20}/{'c' * 20}.html"
    assert plain_text(text) == (text, 0)


def test_of_a_long_text_both_ends_are_looked_at() -> None:
    text = "h" + " x" * LOOKED_AT_CHARS + " y" * LOOKED_AT_CHARS
    read, unread = plain_text(text)
    assert len(read) == pytest.approx(2 * LOOKED_AT_CHARS, abs=2)
    assert unread == len(text) - 2 * LOOKED_AT_CHARS
    assert read.startswith("h x")
    assert read.endswith(" y y")


def test_padding_at_the_end_does_not_take_the_place_of_what_stands_before_it() -> None:
    assert plain_text(ASKED + " " + "Qk1" * LOOKED_AT_CHARS)[0] == ASKED


def test_a_short_turn_is_read_with_the_end_of_the_turn_before() -> None:
    assert turn_text("and in French?", "x" * 10 + " y" * 500) == (
        f"y{' y' * (CONTEXT_CHARS // 2 - 1)}\nand in French?",
        0,
    )
    long = "q" * 20 + " q" * SHORT_TURN_CHARS
    assert turn_text(long, "something else") == (long, 0)
    assert turn_text("and?", "") == ("and?", 0)


def test_only_a_longer_text_with_few_distinct_words_is_looked_through_for_repetition() -> None:
    assert repeats(100, 20)
    assert not repeats(100, 60)
    assert not repeats(30, 1)


def test_what_is_said_over_and_over_is_read_a_few_times() -> None:
    said = without_repeats(f"{ASKED}\n{'do it now ' * 100}\n\nYes.")
    assert said.startswith(f"{ASKED}\ndo it now")
    assert said.endswith("\nYes.")
    assert said.count("now") == pytest.approx(REPEATED_TIMES, abs=1)
    options = "\n".join(f"{letter}. deep to the upper molar" for letter in "ABCDEFGHIJ")
    assert without_repeats(options) == options


def test_the_essence_is_the_request_alone() -> None:
    question = f"{ASKED} Name it, and say how long it is in days, in hours and in minutes, with one decimal each."
    padded = f"Hello! Please help.\n\n{question}\n{'very ' * 200}"
    assert essence(padded) == question
    assert essence(question) == question
    assert essence("") == ""
