"""What every try works on: the bench of the protocols, the simple routers over its texts, and what the card says."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from router_models.references_table import COLUMNS
from router_models.report import Line, Verdict
from router_models.tried.heads import Alternative, alternatives
from router_models.workbench import Bench

_CELLS: Final = (0, 1, 2, 3, 10)
"""Of a row of the one table: protocol, what was measured, router, figure and verdict."""


@dataclass(frozen=True)
class Workshop:
    """`card` holds the lines of the one table, as `evaluate` wrote them."""

    bench: Bench
    card: Sequence[Line]

    @cached_property
    def alternatives(self) -> list[Alternative]:
        """Return the simple routers; their texts are read once."""
        queries = self.bench.outcomes.queries
        prompts, groups = [query.prompt for query in queries], [query.group for query in queries]
        return alternatives(self.bench.fits.texts, prompts, groups, self.bench.seed)

    def missed(self, protocol: str) -> dict[str, Line]:
        """Return what no router of a protocol reaches, each with the line of its dearest router."""
        judged = [line for line in self.card if line.protocol == protocol and line.verdict not in _UNJUDGED]
        reached = {goal_of(line) for line in judged if line.verdict is not Verdict.MISSED}
        found: dict[str, Line] = {}
        for line in judged:
            if goal_of(line) not in reached:
                found.setdefault(goal_of(line), line)
        return found


_UNJUDGED: Final = (Verdict.FOR_COMPARISON, Verdict.NOT_RUN)


def goal_of(line: Line) -> str:
    """Name the goal of a line: of times each stage has one of its own, elsewhere any stage may reach it."""
    return f"{line.router}, {line.measured}" if line.protocol == "R11" else line.measured


def lines_of(card: str) -> list[Line]:
    """Read the lines of the one table back from a model card; none where it has no such table."""
    head = f"| {' | '.join(COLUMNS)} |"
    _, _, after = card.partition(head)
    found: list[Line] = []
    for row in after.splitlines()[2:]:
        if not row.startswith("|"):
            break
        cells = [cell.strip() for cell in row.strip().strip("|").split(" | ")]
        protocol, measured, router, figure, verdict = (cells[at] for at in _CELLS)
        found.append(Line(protocol, measured, router, figure, verdict=Verdict(verdict)))
    return found
