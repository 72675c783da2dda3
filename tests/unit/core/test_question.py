"""How a text is parsed into the terms in which questions differ."""

import pytest

from gateway.core.question import READ_CHARS, WORDS_MAX, read_question, stem_of


def test_contractions_are_written_out() -> None:
    words = read_question("Why can't I, won't he, what's Ann's name, and who'll say they don't?").words
    assert " ".join(words) == "why can not i will not he what is ann name and who will say they do not"
    assert read_question("I cannot").words == ("i", "can", "not")
    assert read_question("rock'n").words == ("rock", "n"), "an ending that is none stays"


def test_quotation_marks_and_apostrophes_of_any_shape_are_one() -> None:
    assert read_question("Isn’t “Dune” good?").words == read_question('Isn\'t "Dune" good?').words
    assert read_question("What does “carpe diem” mean?").quoted == ("carpe diem",)
    assert read_question("What does it mean?").quoted == ()


def test_numbers_and_their_units_are_found_however_they_are_written() -> None:
    read = read_question("How do I lose 1,500 g in two weeks for $20?")
    assert read.numbers == ("1500", "2", "20")
    assert read.units == ("g", "week", "$")
    assert read_question("Is a week long?").units == ()
    assert read_question("In 2024.").numbers == ("2024",)


def test_names_begin_with_a_capital_that_their_place_does_not_explain() -> None:
    read = read_question("Does Ann like it? What's in New York for me? I'm I.")
    assert [word for word, is_name in zip(read.words, read.names, strict=True) if is_name] == ["ann", "new", "york"]


def test_where_most_is_shouted_nothing_is_a_name() -> None:
    assert not any(read_question("WHY IS MY CARD NOT WORKING").names)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("In which year was it?", "which"),
        ("Is it so?", "is"),
        ("My card is lost. Can you help?", "is"),
        ("Tell me of cats", ""),
        ("Does he know why?", "is"),
    ],
)
def test_the_first_question_word_or_verb_is_what_asks(text: str, wanted: str) -> None:
    assert read_question(text).asks == wanted


def test_in_order_to_says_no_more_than_to() -> None:
    assert read_question("In order to win, put it in order to the end").words == (
        "to",
        "win",
        "put",
        "it",
        "to",
        "the",
        "end",
    )
    assert read_question("In order").words == ("in", "order")


def test_denials_are_kept_in_order() -> None:
    assert read_question("Why do I never eat without salt and not bread?").denials == ("never", "without", "not")


def test_other_alphabets_are_named() -> None:
    assert read_question("Что такое love?").scripts == {"Cyrillic"}
    assert read_question("¿Qué es el café?").scripts == frozenset()
    assert read_question("\uf900 ﬁne").words[-1] == "fine", "letters of other shapes are the same letters"


def test_of_a_long_text_the_first_words_are_read() -> None:
    assert len(read_question("word " * 500).words) == WORDS_MAX
    assert read_question("a" * 10 * READ_CHARS).words == ("a" * READ_CHARS,)


def test_a_text_without_words_has_none() -> None:
    for text in ("", "?!", "   ", "___"):
        assert read_question(text).words == ()


@pytest.mark.parametrize(
    ("words", "stem"),
    [
        ("parties party", "party"),
        ("run running", "run"),
        ("stopped stop stops stopping", "stop"),
        ("making make makes", "mak"),
        ("boxes box", "box"),
        ("houses house", "hous"),
        ("calling calls call called", "call"),
        ("quickly quick", "quick"),
        ("bus", "bus"),
        ("glass", "glass"),
        ("thing", "thing"),
        ("fly", "fly"),
        ("c++", "c++"),
        ("red", "red"),
    ],
)
def test_forms_of_a_word_have_one_stem(words: str, stem: str) -> None:
    found = {stem_of(word) for word in words.split()}
    assert found == {stem}
