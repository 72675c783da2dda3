"""Grading raw answers."""

import pytest

from router_models.sources.grading import last_answer, number_in, same_literal, same_number


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ('{"reasoning": "so", "answer": "42"}', "42"),
        ('{"answer": "1"} No, wait: {"answer": "2"}', "2"),
        ('{"answer": 7}', "7"),
        ('{"answer": [1, 2]\n}', "[1, 2]"),
        ('{"answer": "a \\"b\\"\\n"}', 'a "b"\n'),
        ('{"answer": "half a\\qb"}', "half a\\qb"),
        ('{"reasoning": "so, \\boxed{3} and so \\boxed{36}"', "36"),
        ('"answer": "4" though \\boxed{5}', "4"),
        ("I do not know.", None),
    ],
)
def test_the_last_word_of_an_output_counts(output: str, answer: str | None) -> None:
    assert last_answer(output) == answer


@pytest.mark.parametrize(
    ("text", "number"),
    [("$1,234.50 a day", 1234.5), ("-3", -3.0), ("3/4", 0.75), ("3/0", 3.0), ("1/2 cup", 1.0), ("none", None)],
)
def test_the_first_number_of_a_text_is_read(text: str, number: float | None) -> None:
    assert number_in(text) == number


def test_numbers_match_by_value() -> None:
    assert same_number("18.00 dollars", " 18")
    assert same_number("0.5", "1/2")
    assert not same_number("81", "18")
    assert not same_number("eighteen", "18")
    assert not same_number("18", "eighteen")
    assert not same_number(None, "18")


def test_literals_match_whichever_quotes_they_have() -> None:
    assert same_literal("abc", "'abc'")
    assert same_literal('{"a": 1}', "{'a': 1}")
    assert same_literal("'a\nb'", "'a\\nb'")
    assert same_literal("''", '""')
    assert not same_literal("[1,2]", "[1, 2]")
    assert not same_literal(None, "''")
