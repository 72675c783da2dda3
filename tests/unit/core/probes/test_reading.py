"""Answers are read as people would read them."""

from decimal import Decimal

import pytest

from gateway.core.probes.reading import (
    bare,
    final_answer,
    final_choice,
    final_number,
    json_in,
    last_line,
    numbers_in,
    unfenced,
    without_thinking,
    words_of,
)


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        ("<think>hm, 4?</think>\n5", "5"),
        ("<thinking>a</thinking>b<thinking>c</thinking>d", "d"),
        ("it was opened in the prompt</think> 7", "7"),
        ("<think>it never ends", ""),
        ("so <reasoning>it never ends", "so"),
        ("  plain  ", "plain"),
        ("", ""),
    ],
)
def test_thinking_is_no_part_of_an_answer(answer: str, rest: str) -> None:
    assert without_thinking(answer) == rest


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("so\nAnswer: 42", "42"),
        ("**Answer:** 42.", "42"),
        ("ANSWER = `abc`", "abc"),
        ("The answer is blue.", "blue"),
        ("Answer: 1\nno, wait\nAnswer: 2", "2"),
        ("Answer:\n\n  7 ", "7"),
        ("Answer:", ""),
        ("the result is \\boxed{12}. Done", "12"),
        ("\\boxed{12", None),
        ("to answer this, count", None),
        ("42", None),
    ],
)
def test_the_last_thing_marked_as_the_answer_counts(text: str, marked: str | None) -> None:
    assert final_answer(text) == marked


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Answer: 1,234", "1234"),
        ("Answer: 3 + 4 = 7", "7"),
        ("Answer: $12.50", "12.50"),
        ("First 3, then 5: that makes 8.", "8"),
        ("Answer: −4", "-4"),
        ("Answer: none, but 5 before", "5"),
        ("I got 6.\nAnswer: six", "6"),
    ],
)
def test_the_last_number_of_the_answer_counts(text: str, number: str) -> None:
    assert final_number(text) == Decimal(number)


def test_without_a_number_there_is_none() -> None:
    assert final_number("Answer: none") is None
    assert numbers_in("a - b") == []


def test_who_names_every_choice_has_not_chosen() -> None:
    people = ("Anna", "Ben")
    assert final_choice("Anna is taller than Ben.\nSo it is **ben**.", people) == "Ben"
    assert final_choice("Answer: Anna or Ben", people) is None
    assert final_choice("Answer: Benjamin", people) is None
    assert final_choice("", people) is None


@pytest.mark.parametrize(
    ("reply", "inside"),
    [
        ("a", "a"),
        ("```json\n{}\n```", "{}"),
        ("```\na\nb\n```", "a\nb"),
        ("```{}```", "{}"),
        ("```a b\nc```", "a b\nc"),
        ("Here it is:\n```json\n{}\n```", None),
        ("```\na\n```\n```\nb\n```", None),
    ],
)
def test_a_reply_is_itself_or_one_fence(reply: str, inside: str | None) -> None:
    assert unfenced(reply) == inside


def test_json_stands_alone_or_in_a_fence() -> None:
    assert json_in('```json\n{"a": [1]}\n```') == {"a": [1]}
    assert json_in('Sure! {"a": 1}') is None
    assert json_in("Sure! ```1```") is None
    assert json_in("[" * 100_000) is None
    assert json_in("") is None


def test_words_are_counted_as_people_count_them() -> None:
    assert words_of("One - two, it's 3!") == ["One", "two,", "it's", "3!"]
    assert bare("“Word,”") == "word"


def test_the_last_line_is_the_last_that_holds_anything() -> None:
    assert last_line("a\n b \n\n") == "b"
    assert last_line("\n") == ""
