"""Slips of the pen: which words are mended, and which stay as they are."""

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mending import MENDED_CHARS_MAX, MENDED_CHARS_MIN, mended

KNOWN = frozenset(
    {"trial", "trail", "function", "government", "closest", "closet", "form", "from", "words", "curse", "cure"}
)


def mend(word: str) -> str:
    return mended(word, KNOWN.__contains__)


@pytest.mark.parametrize(
    ("slipped", "meant"),
    [("fucntion", "function"), ("functino", "function"), ("govenrment", "government"), ("wrods", "words")],
)
def test_two_letters_in_the_wrong_order_are_put_right(slipped: str, meant: str) -> None:
    assert mend(slipped) == meant


@pytest.mark.parametrize(
    "word",
    [
        "trial",  # known, though "trail" is as well
        "closets",  # a known word with an ending, though "closest" is known
        "cures",  # likewise, and "curse"
        "fomr",  # too short
        "ufnction",  # the first letter stays
        "functin",  # a letter is missing
        "wörds",  # no English word
        "wrod5",  # no word
        "zyzzyva",  # nothing known is near
    ],
)
def test_all_else_stays(word: str) -> None:
    assert mend(word) == word


@given(st.text("abc", min_size=1, max_size=MENDED_CHARS_MAX + 2), st.sets(st.text("abc", min_size=1)))
def test_what_comes_out_is_the_word_or_a_known_one_of_the_same_letters(word: str, known: set[str]) -> None:
    found = mended(word, known.__contains__)
    assert found == word or (found in known and word not in known)
    assert sorted(found) == sorted(word)
    assert found[0] == word[0]
    assert mended(found, known.__contains__) == found


@given(st.data())
def test_every_swap_behind_the_first_letter_is_taken_back_where_one_word_is_known(data: st.DataObject) -> None:
    word = data.draw(st.text(ascii_lowercase, min_size=MENDED_CHARS_MIN, max_size=MENDED_CHARS_MAX))
    at = data.draw(st.integers(1, len(word) - 2))
    slipped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    assert mended(slipped, {word}.__contains__) == word


def test_what_is_longer_than_a_word_is_not_looked_at() -> None:
    word = "a" * MENDED_CHARS_MAX + "b"
    assert mended(word, lambda _: pytest.fail("was looked up")) == word
