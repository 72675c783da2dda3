"""Probes from the library `reasoning-gym` (Apache-2.0), which makes and grades tasks offline. Needs extra `calibrate`.

Each data set stands for one family; what its six levels are is stated here, since the library's own curricula differ
in their number of steps.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.reading import final_answer, last_line, plain
from gateway.core.probes.vocabulary import FINISH

with warnings.catch_warnings():
    # A dependency of the library compares with `is` where it means `==`, which Python tells when it compiles it.
    warnings.simplefilter("ignore", SyntaxWarning)
    import reasoning_gym

RIGHT: Final = 0.99
"""The library's score from which an answer is right; it gives parts of one to what only resembles it."""
_SEEDS: Final = 2**31

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Set:
    """A data set of the library, the kind of task it is, and its settings by level."""

    name: str
    kind: str
    levels: Sequence[Settings]


def _spread(low: str, high: str, ends: Sequence[tuple[int, int]]) -> list[Settings]:
    return [{low: first, high: last} for first, last in ends]


_SETS: Final = (
    _Set(
        "leg_counting",
        "arithmetic",
        [
            {"min_animals": n, "max_animals": n, "max_instances": most}
            for n, most in ((2, 3), (3, 5), (4, 9), (6, 15), (8, 30), (10, 60))
        ],
    ),
    _Set(
        "gcd",
        "arithmetic",
        [
            {"min_numbers": n, "max_numbers": n, "min_value": most // 10 + 1, "max_value": most}
            for n, most in ((2, 20), (2, 100), (2, 400), (3, 1_000), (3, 9_999), (4, 99_999))
        ],
    ),
    _Set(
        "simple_equations",
        "arithmetic",
        [
            {"min_terms": n, "max_terms": n, "max_value": most}
            for n, most in ((2, 9), (2, 50), (3, 100), (4, 200), (5, 500), (7, 900))
        ],
    ),
    _Set(
        "base_conversion",
        "procedures",
        _spread("min_value", "max_value", ((2, 15), (16, 63), (64, 255), (256, 999), (1_000, 9_999), (10_000, 99_999))),
    ),
    _Set(
        "number_filtering",
        "procedures",
        _spread("min_numbers", "max_numbers", ((3, 3), (4, 5), (6, 7), (8, 10), (12, 15), (18, 22))),
    ),
    _Set(
        "zebra_puzzles",
        "logic",
        [
            {"num_people": people, "num_characteristics": marks}
            for people, marks in ((2, 2), (2, 3), (3, 2), (3, 3), (4, 3), (4, 4))
        ],
    ),
    _Set(
        "word_sorting",
        "letters",
        _spread("min_words", "max_words", ((3, 3), (4, 5), (6, 8), (10, 12), (15, 18), (24, 28))),
    ),
    _Set(
        "letter_counting",
        "letters",
        _spread("min_words", "max_words", ((2, 3), (4, 6), (8, 10), (14, 18), (24, 30), (40, 50))),
    ),
)


def gym_families() -> tuple[Family, ...]:
    """Return the library's families, in an order that does not change."""
    return tuple(Family(f"gym {each.name.replace('_', ' ')}", each.kind, _maker(each)) for each in _SETS)


def _maker(chosen: _Set) -> Callable[[int, Draws], Task]:
    def make(level: int, draws: Draws) -> Task:
        settings = chosen.levels[level - 1]
        data = reasoning_gym.create_dataset(chosen.name, seed=draws.below(_SEEDS), size=1, **settings)
        entry = data[0]

        def grade(answer: str) -> bool:
            return any(data.score_answer(answer=given, entry=entry) >= RIGHT for given in _readings(answer))

        return Task(f"{entry['question']}\n{FINISH}", f"Answer: {entry['answer']}", grade)

    return make


def _readings(answer: str) -> list[str]:
    """Return what may be meant as the answer: what is marked as such, or else the last line and the whole."""
    marked = final_answer(answer)
    if marked:
        return [marked]
    return [each for each in (plain(last_line(answer)), answer.strip()) if each]
