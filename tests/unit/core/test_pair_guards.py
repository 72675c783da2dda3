"""The plain differences between two questions, as a receipt tells them."""

import pytest

from gateway.core.pair_alignment import align
from gateway.core.pair_guards import guards
from gateway.core.question import read_question


def told(asked: str, cached: str) -> set[str]:
    one, other = read_question(asked), read_question(cached)
    return {str(guard) for guard in guards(one, other, align(one, other))}


@pytest.mark.parametrize(
    ("asked", "cached", "wanted"),
    [
        ("Who won in 2024?", "Who won in 2025?", {"numbers differ: 2024 / 2025"}),
        ("Who won in 2024?", "Who won?", {"numbers differ: 2024 / nothing"}),
        ("Who won 2 and 2?", "Who won 2?", {"numbers differ: 2 / nothing"}),
        ("Can I lose 5 kg?", "Can I lose 5 lbs?", {"units differ: kg / lbs"}),
        ("Can I lose 5 kg?", "Can I lose 5?", set()),
        ("Is it safe to eat?", "Is it not safe to eat?", {"one is denied: nothing / not"}),
        ("Is it safe to eat?", "Is it unsafe to eat?", {"opposites: safe / unsafe"}),
        ("Is it safe to eat?", "Is it not unsafe to eat?", {"opposites: safe / unsafe"}),
        ("Was it made by Ann Lee?", "Was it made by Bob Lee?", {"names differ: ann / bob"}),
        (
            "Turn benzene into toluene?",
            "Turn toluene into benzene?",
            {"the same words in another order: benzene … toluene / toluene … benzene"},
        ),
        ("Is tea or coffee hot?", "Is coffee or tea hot?", set()),
        ("What is love?", "What is любовь?", {"languages differ: nothing / Cyrillic"}),
        ("How do I cook rice?", "How should I cook rice?", set()),
    ],
)
def test_differences_are_told_with_what_each_says(asked: str, cached: str, wanted: set[str]) -> None:
    assert told(asked, cached) == wanted
