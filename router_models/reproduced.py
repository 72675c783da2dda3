"""Two model cards against each other: does another training say what the card says, within its intervals?"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table

from router_models.data import DataError
from router_models.report import Line
from router_models.tried.workshop import lines_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_HELP: Final = """Hold the figures of one model card against the intervals of another. After a training from scratch:

example: python -m router_models train && python -m router_models evaluate --card anew.md --plots anew
         python -m router_models reproduced anew.md"""
_FIGURE: Final = re.compile(
    r"(?P<value>-?\d+\.\d+)[^\d()±;]{0,48} "
    r"(?:\((?P<low>[+-]?\d+\.\d+) to (?P<high>[+-]?\d+\.\d+)\)|± (?P<half>\d+\.\d+))"
)


@dataclass(frozen=True, slots=True)
class Told:
    """The first figure of a line that has an interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Held:
    """The same line of two cards."""

    line: Line
    card: Told
    anew: Told

    @property
    def is_within(self) -> bool:
        """Tell whether the new figure lies in the card's interval."""
        return self.card.low <= self.anew.value <= self.card.high


def told(line: Line) -> Told | None:
    """Read a figure and its interval; None where a line has none."""
    found = _FIGURE.search(line.figure)
    if found is None:
        return None
    value = float(found["value"])
    if found["half"] is not None:
        half = float(found["half"])
        return Told(value, value - half, value + half)
    return Told(value, float(found["low"]), float(found["high"]))


def held(card: Sequence[Line], anew: Sequence[Line]) -> Iterator[Held]:
    """Pair the lines of two cards that have intervals. Raises DataError where one has lines that the other has not."""
    others = {(line.protocol, line.measured, line.router): line for line in anew}
    for line in card:
        if (before := told(line)) is None:
            continue
        other = others.get((line.protocol, line.measured, line.router))
        now = None if other is None else told(other)
        if now is None:
            raise DataError(f"the new card has no figure for {line.protocol}, {line.measured}, {line.router}")
        yield Held(line, before, now)


def add_reproduced_command(commands: "Commands", card: Path) -> None:
    """Add `reproduced` to a command line; `card` is the one that is shipped."""
    what = "hold another training's card against the shipped one"
    command = commands.add_parser(
        "reproduced", help=what, description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("anew", type=Path, help="the card that `evaluate --card` wrote")
    command.add_argument("--card", type=Path, default=card, help="the card it is held against (%(default)s)")
    command.set_defaults(run=_reproduced, out=None)


def _reproduced(chosen: argparse.Namespace, console: Console) -> int:
    """Print how many lines agree, and those that do not; 1 when there are any."""
    pairs = list(held(_lines(chosen.card), _lines(chosen.anew)))
    outside = [pair for pair in pairs if not pair.is_within]
    console.print(f"{len(pairs) - len(outside)} of {len(pairs)} figures lie within the intervals of {chosen.card.name}")
    if not outside:
        return 0
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("", "measured", "router", "card", "anew"):
        table.add_column(heading)
    for pair in outside:
        card = f"{pair.card.value:g} ({pair.card.low:g} to {pair.card.high:g})"
        table.add_row(pair.line.protocol, pair.line.measured, pair.line.router, card, f"{pair.anew.value:g}")
    console.print(table)
    return 1


def _lines(card: Path) -> list[Line]:
    lines = lines_of(card.read_text("utf-8")) if card.is_file() else []
    if not lines:
        raise DataError(
            f"{card} is no model card with figures. Write one: python -m router_models evaluate --card FILE"
        )
    return lines
