"""How a difference between two questions is told."""

import pytest

from gateway.domain.question import Guard, GuardKind


@pytest.mark.parametrize(
    ("guard", "wanted"),
    [
        (Guard(GuardKind.NUMBER, "2024", "2025"), "numbers differ: 2024 / 2025"),
        (Guard(GuardKind.NEGATION, "not", ""), "one is denied: not / nothing"),
        (Guard(GuardKind.LANGUAGE, "", "Cyrillic"), "languages differ: nothing / Cyrillic"),
    ],
)
def test_a_difference_is_told_with_what_each_question_says(guard: Guard, wanted: str) -> None:
    assert str(guard) == wanted


def test_each_kind_of_difference_has_words() -> None:
    assert len({str(Guard(kind, "a", "b")).split(":")[0] for kind in GuardKind}) == len(GuardKind)
