"""Probes of arithmetic: sums, products, nested expressions, stories with several steps."""

from collections.abc import Callable
from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import is_number
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.vocabulary import FINISH, NAMES, THINGS

_SUMS: Final = ((2, 1), (3, 2), (4, 3), (6, 4), (9, 5), (14, 7))
"""By level: terms, and digits of each."""
_PRODUCTS: Final = ((1, 1), (2, 1), (2, 2), (3, 2), (4, 3), (6, 5))
"""By level: digits of the two factors."""
_STORY_STEPS: Final = (1, 2, 4, 6, 9, 13)


def _digits(draws: Draws, count: int) -> int:
    return draws.between(10 ** (count - 1) + (count == 1), 10**count - 1)


def _number(text: str, result: int) -> Task:
    return Task(f"{text}\n{FINISH}", f"Answer: {result}", is_number(result))


def make_sum(level: int, draws: Draws) -> Task:
    """Add and subtract numbers."""
    terms, digits = _SUMS[level - 1]
    total = _digits(draws, digits)
    written = str(total)
    for _ in range(terms - 1):
        term, is_added = _digits(draws, digits), level < 3 or draws.below(3) > 0
        total += term if is_added else -term
        written += f" {'+' if is_added else '-'} {term}"
    return _number(f"What is {written}?", total)


def make_product(level: int, draws: Draws) -> Task:
    """Multiply two numbers."""
    first, second = (_digits(draws, digits) for digits in _PRODUCTS[level - 1])
    return _number(f"What is {first} times {second}?", first * second)


def make_expression(level: int, draws: Draws) -> Task:
    """Work out an expression in brackets, as deep as the level."""
    written, value = _nested(level, draws)
    return _number(f"Evaluate this expression: {written}", value)


def _nested(depth: int, draws: Draws) -> tuple[str, int]:
    if depth == 0:
        value = draws.between(1, 9)
        return str(value), value
    left, left_value = _nested(depth - 1, draws)
    right, right_value = _nested(depth - 1 if depth < 3 else draws.below(2), draws)
    sign = draws.pick("+-*") if depth % 2 else draws.pick("+-")
    value = {"+": left_value + right_value, "-": left_value - right_value, "*": left_value * right_value}[sign]
    return f"({left} {sign} {right})", value


def make_story(level: int, draws: Draws) -> Task:
    """Follow how many things somebody has."""
    name, thing, held = draws.pick(NAMES), draws.pick(THINGS), draws.between(5, 20 * level)
    told = [f"{name} has {held} {thing}."]
    for _ in range(_STORY_STEPS[level - 1]):
        sentence, held = draws.pick(_turns(held))(held, draws)
        told.append(sentence.format(name=name, thing=thing))
    told.append(f"How many {thing} does {name} have now?")
    return _number(" ".join(told), held)


_Turn = Callable[[int, Draws], tuple[str, int]]


def _turns(held: int) -> list[_Turn]:
    """Return what may happen to so many things and leave whole ones, not too many to follow."""
    turns: list[_Turn] = [_buy, _give]
    if held % 2 == 0 and held > 3:
        turns.append(_halve)
    if held % 3 == 0 and held > 5:
        turns.append(_lose_a_third)
    if held < 200:
        turns.append(_receive_boxes)
    return turns


def _buy(held: int, draws: Draws) -> tuple[str, int]:
    more = draws.between(2, 30)
    return f"{{name}} buys {more} more {{thing}}.", held + more


def _give(held: int, draws: Draws) -> tuple[str, int]:
    fewer = draws.between(1, max(held // 2, 1)) if held else 0
    return f"{{name}} gives {fewer} {{thing}} to a friend.", held - fewer


def _halve(held: int, draws: Draws) -> tuple[str, int]:
    return "{name} sells half of the {thing}.", held // 2


def _lose_a_third(held: int, draws: Draws) -> tuple[str, int]:
    return "{name} loses one third of the {thing}.", held - held // 3


def _receive_boxes(held: int, draws: Draws) -> tuple[str, int]:
    boxes, each = draws.between(2, 6), draws.between(3, 12)
    return f"{{name}} gets {boxes} boxes with {each} {{thing}} in each box.", held + boxes * each


FAMILIES: Final = tuple(
    Family(name, "arithmetic", make)
    for name, make in (
        ("sums", make_sum),
        ("products", make_product),
        ("expressions", make_expression),
        ("stories", make_story),
    )
)
