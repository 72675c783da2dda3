"""What an evaluation yields: lines of the one table, tables of detail, and what is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from router_models.scientific import Doubles


@dataclass(frozen=True, slots=True)
class Table:
    """A table of results, as text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Verdict(StrEnum):
    """Where a figure stands against what was aimed at."""

    MISSED = "missed"
    GOAL = "goal reached"
    MOONSHOT = "moonshot reached"
    NOT_RUN = "not run"
    FOR_COMPARISON = "–"


def verdict(goal: bool, moonshot: bool) -> Verdict:
    """Say what was reached; the moonshot counts only with the goal."""
    if not goal:
        return Verdict.MISSED
    return Verdict.MOONSHOT if moonshot else Verdict.GOAL


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside what it is compared with. Empty cells: nothing there to compare with."""

    protocol: str
    measured: str
    router: str
    figure: str
    length: str = ""
    none: str = ""
    oracle: str = ""
    verdict: Verdict = Verdict.FOR_COMPARISON


@dataclass(frozen=True, slots=True)
class Series:
    """A curve (or, `is_dotted`, single points) in a drawing."""

    name: str
    x: Doubles
    y: Doubles
    is_dotted: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot: `name` is its file's, without suffix."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What one protocol yields."""

    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = field(default=())


def joined(parts: Sequence[Part]) -> Part:
    """Lay the parts end to end."""
    return Part(
        tuple(line for part in parts for line in part.lines),
        tuple(table for part in parts for table in part.tables),
        tuple(drawing for part in parts for drawing in part.drawings),
    )


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share in percent; None is "never"."""
    return "never" if share is None else f"{100 * share:.{digits}f}"
