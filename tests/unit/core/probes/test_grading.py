"""Each rule accepts what is right in any reasonable dress, and nothing else."""

import pytest

from gateway.core.probes.grading import (
    are_lines,
    are_names,
    are_numbers,
    is_choice,
    is_json,
    is_number,
    is_passage,
    is_text,
)
from gateway.core.probes.probe import Grade

PEOPLE = ("Anna", "Ben", "Clara")
PERSON = {"name": "Anna", "age": 3, "married": True, "colors": ["red", "blue"]}


@pytest.mark.parametrize(
    ("grade", "right", "wrong"),
    [
        (is_number(12), ["12", "Answer: 12.0", "It makes 12."], ["Answer: 13", "12 or 13", "", "twelve", "112"]),
        (is_choice("Ben", PEOPLE), ["Ben", "Answer: **Ben**."], ["Anna", "Anna or Ben", "Ben\nAnswer: Anna", ""]),
        (is_text("tac"), ["tac", "Answer: TAC", "It is:\n`tac`."], ["cat", "Answer: t-a-c", "tac!", ""]),
        (
            are_numbers([3, 5, 5]),
            ["3, 5, 5", "Answer: [3, 5, 5]", "Sorted:\n3 5 5"],
            ["3, 5", "5, 3, 5", "3, 5, 5, 6", ""],
        ),
        (
            are_names(["Anna", "Clara"], PEOPLE),
            ["Answer: Clara and Anna", "Anna, Clara."],
            ["Anna", "Anna, Ben, Clara", "nobody", ""],
        ),
        (are_names([], PEOPLE), ["Answer: nobody", "Nobody."], ["", "Anna", "I cannot tell"]),
        (
            is_json(PERSON),
            [
                '{"name": "Anna", "age": 3, "married": true, "colors": ["red", "blue"]}',
                '```json\n{"colors": ["red", "blue"], "age": 3, "married": true, "name": "Anna"}\n```',
            ],
            [
                '{"name": "Anna", "age": 3, "married": 1, "colors": ["red", "blue"]}',
                '{"name": "Anna", "age": "3", "married": true, "colors": ["red", "blue"]}',
                '{"name": "Anna", "age": 3, "married": true, "colors": ["blue", "red"]}',
                '{"name": "Anna", "age": 3, "married": true, "colors": ["red"]}',
                '{"name": "Anna", "age": 3, "married": true, "colors": "red"}',
                '{"name": "Anna", "age": 3}',
                "[]",
            ],
        ),
        (
            are_lines(["a,b", "1,2"]),
            ["a,b\n1,2", "```csv\na,b \n1,2\n```\n"],
            ["a,b", "1,2\na,b", "Here:\na,b\n1,2", "Here:\n```\na,b\n1,2\n```"],
        ),
        (is_passage("A b. C."), ["A b. C.", '"A b.\nC."'], ["A b.", "a b. C.", "Sure: A b. C.", "x ```A b. C.```"]),
    ],
)
def test_what_is_right_is_accepted_and_what_is_wrong_is_not(grade: Grade, right: list[str], wrong: list[str]) -> None:
    assert [answer for answer in right if not grade(answer)] == []
    assert [answer for answer in wrong if grade(answer)] == []
