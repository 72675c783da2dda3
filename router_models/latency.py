"""R11, second half: how long a score takes as it is served, as `python -m load_tests scoring` measured it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router_models.data import DataError
from router_models.report import Line, Part, Table, Verdict, verdict

COMMAND: Final = "python -m load_tests scoring"
BUILD: Final = "python -m router_models encoder build"
ENCODER: Final = "encoder"
"""In the name of a stage that has one."""
COLUMNS: Final = ("stage", "text", "p50, µs", "p99, µs", "p50 at most, µs", "p99 at most, µs", "a plain loop, µs")


@dataclass(frozen=True, slots=True)
class Cell:
    """One stage on one text; a limit of 0 is none. Without any of its own, R11's aims hold."""

    stage: str
    text: str
    p50_us: float
    p99_us: float
    p50_limit_us: float
    p99_limit_us: float
    loop_us: float
    """What 200 additions took, one loop after each call: how fast the machine was then. 0: not timed."""

    def line(self) -> Line:
        """Return its line in the one table."""
        figure = f"p50 {self.p50_us / 1_000:.3f} ms, p99 {self.p99_us / 1_000:.3f} ms"
        if self.p50_limit_us:
            figure += f" (p50 at most {self.p50_limit_us / 1_000:g} ms)"
            found = verdict(self.p50_us <= self.p50_limit_us, moonshot=False)
        elif self.p99_limit_us:
            figure += f" (p99 at most {self.p99_limit_us / 1_000:g} ms)"
            found = verdict(self.p99_us <= self.p99_limit_us, moonshot=False)
        else:
            goal = self.p50_us <= 3_000 and self.p99_us <= 15_000
            found = verdict(goal, moonshot=self.p50_us <= 1_000 and self.p99_us <= 8_000)
        return Line("R11", self.text, self.stage, figure, verdict=found)

    def row(self) -> tuple[str, ...]:
        """Return its row of the table."""
        limits = (f"{limit:g}" if limit else "" for limit in (self.p50_limit_us, self.p99_limit_us))
        loop = f"{self.loop_us:.1f}" if self.loop_us else ""
        return (self.stage, self.text, f"{self.p50_us:.1f}", f"{self.p99_us:.1f}", *limits, loop)


def served(path: Path | None) -> Part:
    """Quote the measured times. Raises DataError when the file holds something else."""
    if path is None or not path.is_file():
        return Part((Line("R11", "text in to chances out", "all", f"run: {COMMAND}", verdict=Verdict.NOT_RUN),))
    machine, cells = read_times(path)
    lines = [each.line() for each in cells]
    if not any(ENCODER in each.stage for each in cells):
        how = f"run: {BUILD}, then {COMMAND}"
        lines.append(Line("R11", "128 tokens", ENCODER, how, verdict=Verdict.NOT_RUN))
    rows = tuple(each.row() for each in cells)
    return Part(tuple(lines), (Table(f"R11: text in to chances out, one thread, {machine}", COLUMNS, rows),))


def read_times(path: Path) -> tuple[str, list[Cell]]:
    """Read the machine and the measured times. Raises DataError when the file holds something else."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return str(told["machine"]), [_cell(each) for each in told["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not what `{COMMAND}` writes; run that again") from error


def _cell(told: Mapping[str, object]) -> Cell:
    def number(name: str) -> float:
        return float(str(told[name]))

    return Cell(
        stage=str(told["stage"]),
        text=str(told["text"]),
        p50_us=number("p50_us"),
        p99_us=number("p99_us"),
        p50_limit_us=number("p50_limit_us"),
        p99_limit_us=number("p99_limit_us"),
        loop_us=number("loop_us") if "loop_us" in told else 0.0,
    )
