"""The edits keep what a prompt means, and the attacks add to it only."""

import base64
import unicodedata

import pytest

from router_models.edits import ATTACKS, EDITS, PLEAS, other_order

QUESTION = "Which of these planets\nis the largest   one around our Sun, please?"
OPTIONS = ("Mars", "Jupiter, of course", "Venus", "Saturn")
CHOICE = "\n".join([QUESTION, *(f"{letter}. {option}" for letter, option in zip("ABCD", OPTIONS, strict=True))])
TEXTS = (QUESTION, CHOICE, "2+2=?", "x")
ALL = {**EDITS, **ATTACKS}


@pytest.mark.parametrize("name", ALL)
def test_the_same_text_and_seed_give_the_same_edit(name: str) -> None:
    for text in TEXTS:
        assert ALL[name](text, 3) == ALL[name](text, 3)


@pytest.mark.parametrize("name", ["lower case", "markdown", "trailing spaces", "wide spaces", "zero-width characters"])
def test_an_edit_of_form_leaves_every_word(name: str) -> None:
    marks = str.maketrans("", "", "*-#\u200b\u200c\u200d\u2060\ufeff")
    for text in TEXTS:
        words = unicodedata.normalize("NFKC", ALL[name](text, 5)).translate(marks).lower().split()
        wanted = text.translate(marks).lower().split()
        assert words[words.index(wanted[0]) :] == wanted


@pytest.mark.parametrize(
    "name",
    [
        "filler",
        "politeness",
        "this is hard",
        "use the best model",
        "language tag",
        "repeated words",
        "plea at the start",
        "plea at the end",
        "Base64 blob",
    ],
)
def test_what_is_added_stands_around_the_text(name: str) -> None:
    for text in TEXTS:
        edited = ALL[name](text, 5)
        assert text in edited
        assert len(edited) > len(text)


def test_a_typo_swaps_letters_within_long_words_only() -> None:
    for seed in range(20):
        edited = EDITS["typos"](QUESTION, seed)
        pairs = [(one, other) for one, other in zip(QUESTION.split(), edited.split(), strict=True) if one != other]
        assert len(pairs) <= 1
        assert all(sorted(one) == sorted(other) and len(one) >= 5 and one[0] == other[0] for one, other in pairs)
    assert EDITS["typos"]("2+2=?", 1) == "2+2=?"


def test_options_change_places_and_keep_letters_wording_and_question() -> None:
    for seed in range(10):
        edited = other_order(CHOICE, seed)
        assert edited != CHOICE
        head, *options = edited.rsplit("\n", 4)
        assert head == QUESTION
        assert [option[:3] for option in options] == ["A. ", "B. ", "C. ", "D. "]
        assert sorted(option[3:] for option in options) == sorted(OPTIONS)
    assert other_order("Only one:\nA. this", 1) == "Only one:\nA. this"
    assert other_order("(A) one\n(B) two", 1) == "(A) two\n(B) one"


def test_a_blob_decodes_and_pleas_take_turns() -> None:
    base64.b64decode(ATTACKS["Base64 blob"]("x", 1).rsplit("\n", 1)[1], validate=True)
    assert [ATTACKS["plea at the end"]("x", seed).removeprefix("x\n\n") for seed in range(4)] == list(PLEAS)
