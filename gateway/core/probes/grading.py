"""The rules by which answers are graded, each made from what is right."""

from collections.abc import Sequence
from decimal import Decimal

from gateway.core.probes.probe import Grade
from gateway.core.probes.reading import (
    bare,
    final_answer,
    final_choice,
    final_number,
    json_in,
    last_line,
    numbers_in,
    plain,
    unfenced,
)


def is_number(wanted: int) -> Grade:
    """Accept answers that end in this number."""
    return lambda answer: final_number(answer) == Decimal(wanted)


def is_choice(wanted: str, choices: Sequence[str]) -> Grade:
    """Accept answers that name this one of the choices and none of the others."""
    return lambda answer: final_choice(answer, choices) == wanted


def is_text(wanted: str) -> Grade:
    """Accept answers that consist of this text, or mark it as the answer, or end in it. Case counts for nothing."""

    def grade(answer: str) -> bool:
        marked = final_answer(answer)
        given = last_line(answer) if marked is None else marked
        return plain(given).lower() == wanted.lower()

    return grade


def are_numbers(wanted: Sequence[int]) -> Grade:
    """Accept answers that give these numbers in this order, in what is marked as the answer or in the last line."""

    def grade(answer: str) -> bool:
        marked = final_answer(answer)
        given = marked if marked else last_line(answer)
        return numbers_in(given.replace(", ", " ").replace(",", " ")) == [Decimal(number) for number in wanted]

    return grade


def are_names(wanted: Sequence[str], choices: Sequence[str]) -> Grade:
    """Accept answers that name exactly these of the choices, in any order; `nobody` for none."""

    def grade(answer: str) -> bool:
        marked = final_answer(answer)
        given = (marked if marked else last_line(answer)).replace(",", " ").split()
        named = {choice for choice in choices if choice.lower() in {bare(word) for word in given}}
        return bool(given) and named == set(wanted) and (bool(wanted) or "nobody" in map(bare, given))

    return grade


def is_json(wanted: object) -> Grade:
    """Accept replies that consist of this JSON document, fenced or not; true is not 1, and 1.0 is not 1."""
    return lambda answer: _same(json_in(answer), wanted)


def _same(found: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        if not isinstance(found, dict) or found.keys() != wanted.keys():
            return False
        return all(_same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_same, found, wanted))
    return type(found) is type(wanted) and found == wanted


def are_lines(wanted: Sequence[str]) -> Grade:
    """Accept replies that consist of these lines, fenced or not; blanks at the ends of lines count for nothing."""

    def grade(answer: str) -> bool:
        whole = unfenced(answer)
        return whole is not None and [line.strip() for line in whole.splitlines() if line.strip()] == list(wanted)

    return grade


def is_passage(wanted: str) -> Grade:
    """Accept replies that consist of this passage, letter by letter; runs of blanks count as one."""

    def grade(answer: str) -> bool:
        whole = unfenced(answer)
        return whole is not None and " ".join(whole.strip('"').split()) == wanted

    return grade
