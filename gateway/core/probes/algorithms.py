"""Probes that want a procedure followed: sorting, running a program, shortest ways, dates."""

from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import are_numbers, is_number, is_text
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.vocabulary import CITIES, FINISH

_SORTED: Final = ((3, 9), (5, 99), (8, 99), (13, 999), (20, 999), (32, 9999))
"""By level: how many numbers, and the greatest."""
_ROUNDS: Final = (2, 3, 5, 8, 12, 18)
_PLACES: Final = (3, 4, 5, 6, 8, 10)
_DAYS: Final = (5, 25, 80, 300, 1_500, 20_000)
_FIRST_DAY: Final = date(1990, 1, 1)
_FAR: Final = 10**9


def make_sorting(level: int, draws: Draws) -> Task:
    """Sort numbers."""
    count, most = _SORTED[level - 1]
    numbers = [draws.between(1, most) for _ in range(count)]
    order = sorted(numbers)
    text = f"Sort these numbers from the smallest to the largest: {', '.join(map(str, numbers))}\n{FINISH}"
    return Task(text, f"Answer: {', '.join(map(str, order))}", are_numbers(order))


def make_program(level: int, draws: Draws) -> Task:
    """Say what a small program prints."""
    rounds, divisor = _ROUNDS[level - 1], draws.between(2, 3)
    start, factor, step = draws.between(1, 9), draws.between(1, 1 + level // 2), draws.between(1, 3 + level)
    bound = 10 ** (1 + level // 2)
    lines = [f"x = {start}", f"for i in range({rounds}):"]
    lines += [f"    if x % {divisor} == 0:", f"        x = x // {divisor} + {step}"]
    lines += ["    else:", f"        x = (x * {factor + 1} + i) % {bound}", "print(x)"]
    x = start
    for i in range(rounds):
        x = x // divisor + step if x % divisor == 0 else (x * (factor + 1) + i) % bound
    text = "What does this Python program print?\n```python\n" + "\n".join(lines) + f"\n```\n{FINISH}"
    return Task(text, f"Answer: {x}", is_number(x))


def make_route(level: int, draws: Draws) -> Task:
    """Find the length of the shortest way between two cities."""
    places = draws.sample(CITIES, _PLACES[level - 1])
    # A chain through all of them, so that there is a way; then as many roads again, drawn at random.
    pairs = list(pairwise(places))
    others = [pair for pair in combinations(places, 2) if pair not in pairs]
    pairs += draws.sample(others, len(places) - 1)
    roads = {pair: draws.between(2, 9 * level) for pair in pairs}
    shortest = _shortest(roads, places[0], places[-1])
    told = " ".join(f"The road between {a} and {b} is {length} miles long." for (a, b), length in roads.items())
    text = f"{told} How many miles long is the shortest way from {places[0]} to {places[-1]}?\n{FINISH}"
    return Task(text, f"Answer: {shortest}", is_number(shortest))


def _shortest(roads: dict[tuple[str, str], int], start: str, end: str) -> int:
    """Return the length of the shortest way: each round lets every road shorten a way (Bellman and Ford)."""
    places = {place for pair in roads for place in pair}
    length = dict.fromkeys(places, _FAR) | {start: 0}
    for _ in places:
        for (one, other), miles in roads.items():
            length[one] = min(length[one], length[other] + miles)
            length[other] = min(length[other], length[one] + miles)
    return length[end]


def make_date(level: int, draws: Draws) -> Task:
    """Count days on from a date."""
    start = _FIRST_DAY + timedelta(days=draws.below(10_000))
    days = draws.between(max(_DAYS[level - 1] // 2, 2), _DAYS[level - 1])
    end = (start + timedelta(days=days)).isoformat()
    text = f"Which date is {days} days after {start.isoformat()}? Write it as year-month-day.\n{FINISH}"
    return Task(text, f"Answer: {end}", is_text(end))


FAMILIES: Final = tuple(
    Family(name, "procedures", make)
    for name, make in (
        ("sorting", make_sorting),
        ("programs", make_program),
        ("routes", make_route),
        ("dates", make_date),
    )
)
