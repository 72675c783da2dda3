"""Probes of logic: orders, exchanges, counting what is true, and who tells the truth."""

from itertools import combinations, pairwise
from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import are_names, is_choice, is_number
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.vocabulary import COLOURS, FINISH, NAMES

_PEOPLE: Final = (3, 4, 5, 7, 9, 12)
_SWAPPERS: Final = ((3, 2), (3, 4), (4, 7), (5, 11), (6, 16), (8, 24))
"""By level: people, and exchanges between them."""
_STATEMENTS: Final = (2, 3, 4, 6, 9, 14)
_ORDINALS: Final = ("", "second ", "third ", "fourth ", "fifth ", "sixth ")


def make_order(level: int, draws: Draws) -> Task:
    """Find who stands where in an order that is told in pieces."""
    people = draws.sample(NAMES, _PEOPLE[level - 1])
    told = [f"{first} is taller than {second}." for first, second in pairwise(people)]
    place = draws.below(min(len(people), len(_ORDINALS)))
    question = f"Who is the {_ORDINALS[place]}tallest?"
    text = f"{' '.join(draws.shuffled(told))} {question}\n{FINISH}"
    return Task(text, f"Answer: {people[place]}", is_choice(people[place], people))


def make_exchange(level: int, draws: Draws) -> Task:
    """Follow who holds which ball."""
    count, exchanges = _SWAPPERS[level - 1]
    people, held = draws.sample(NAMES, count), draws.sample(COLOURS, count)
    told = [f"{name} has the {colour} ball." for name, colour in zip(people, held, strict=True)]
    for _ in range(exchanges):
        first, second = draws.sample(range(count), 2)
        held[first], held[second] = held[second], held[first]
        told.append(f"Then {people[first]} and {people[second]} swap balls.")
    asked = draws.below(count)
    text = f"{' '.join(told)} Which color is the ball that {people[asked]} has at the end?\n{FINISH}"
    return Task(text, f"Answer: {held[asked]}", is_choice(held[asked], COLOURS))


def make_count_of_truths(level: int, draws: Draws) -> Task:
    """Count the statements that are true: a number is harder to guess than true or false."""
    told, true = [], 0
    for number in range(_STATEMENTS[level - 1]):
        statement, holds = _statement(level, draws)
        told.append(f"{number + 1}. {statement}")
        true += holds
    text = "How many of these statements are true?\n" + "\n".join(told) + f"\n{FINISH}"
    return Task(text, f"Answer: {true}", is_number(true))


def _statement(level: int, draws: Draws) -> tuple[str, bool]:
    written, holds = _comparison(level, draws)
    for _ in range((level - 1) // 2):
        other, also_holds = _comparison(level, draws)
        joined_by = draws.pick(("and", "or"))
        holds = (holds and also_holds) if joined_by == "and" else (holds or also_holds)
        written = f"({written} {joined_by} {other})"
    if level > 1 and draws.below(3) == 0:
        return f"It is not true that {written}.", not holds
    return f"{written}.", holds


def _comparison(level: int, draws: Draws) -> tuple[str, bool]:
    first, second = draws.between(2, 9 * level), draws.between(2, 9 * level)
    if draws.below(2):
        bound = first + second + draws.between(-3, 2)
        return f"{first} + {second} is greater than {bound}", first + second > bound
    return f"{first} is even", first % 2 == 0


def make_truth_tellers(level: int, draws: Draws) -> Task:
    """Find who always tells the truth, where the others always lie; what they say leaves one possibility."""
    people = draws.sample(NAMES, level + 1)
    while True:
        honest = frozenset(name for name in people if draws.below(2))
        said = [_said(name, people, honest, draws) for name in people]
        if sum(_is_possible(said, case) for case in _cases(people)) == 1:
            break
    told = " ".join(
        f"{speaker} says: {other} {'always tells the truth' if claim else 'always lies'}."
        if other != ""
        else f"{speaker} says: exactly {claim} of us tell the truth."
        for speaker, other, claim in said
    )
    names = ", ".join(name for name in people if name in honest) or "nobody"
    # They are not named in a row: two honest ones side by side would stand there as the answer is written.
    text = (
        f"Each of these {len(people)} people either always tells the truth or always lies. {told} "
        f"Who tells the truth? Give the names, or `nobody`.\n{FINISH}"
    )
    return Task(text, f"Answer: {names}", are_names([name for name in people if name in honest], people))


_Saying = tuple[str, str, int]
"""A speaker, whom the saying is about (nobody: about all), and what it claims."""


def _said(speaker: str, people: list[str], honest: frozenset[str], draws: Draws) -> _Saying:
    tells_truth = speaker in honest
    if draws.below(3) == 0:
        count = len(honest) if tells_truth else draws.pick([n for n in range(len(people) + 1) if n != len(honest)])
        return speaker, "", count
    other = draws.pick([name for name in people if name != speaker])
    return speaker, other, int((other in honest) == tells_truth)


def _cases(people: list[str]) -> list[frozenset[str]]:
    return [frozenset(chosen) for size in range(len(people) + 1) for chosen in combinations(people, size)]


def _is_possible(said: list[_Saying], honest: frozenset[str]) -> bool:
    for speaker, other, claim in said:
        holds = len(honest) == claim if other == "" else int(other in honest) == claim
        if holds != (speaker in honest):
            return False
    return True


FAMILIES: Final = tuple(
    Family(name, "logic", make)
    for name, make in (
        ("orders", make_order),
        ("exchanges", make_exchange),
        ("truths", make_count_of_truths),
        ("truth tellers", make_truth_tellers),
    )
)
