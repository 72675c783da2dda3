"""One goal that is missed, what was tried for it, and what bounds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from router_models.report import Table

COLUMNS: Final = ("tried", "figure (95 %)", "less shipped", "goal", "would add, MB", "ms a text")
SHIPPED: Final = "shipped"
LEAST_TRIED: Final = 3
"""Alternatives that a missed goal has at least."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an alternative would take: numbers kept as half floats, and the time of one text that is already read."""

    size_bytes: int = 0
    serving_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One alternative: its figure, and that less the shipped router's; empty where nothing is to be subtracted."""

    tried: str
    figure: str
    lead: str = ""
    cost: Cost = Cost()

    def row(self, goal: str) -> tuple[str, ...]:
        """Return its line of a table."""
        size = f"{self.cost.size_bytes / 1e6:.1f}" if self.cost.size_bytes else ""
        serving = "" if self.cost.serving_ms is None else f"{self.cost.serving_ms:.2f}"
        return (self.tried, self.figure, self.lead, goal, size, serving)


@dataclass(frozen=True, slots=True)
class Missed:
    """A goal that is missed. `shipped` is what `evaluate` says of the router that is shipped."""

    protocol: str
    measured: str
    goal: str
    shipped: str
    attempts: Sequence[Attempt]
    bounds: Sequence[str]

    def table(self) -> Table:
        """Lay the attempts out below what is shipped."""
        rows = (Attempt(SHIPPED, self.shipped).row(self.goal), *(each.row(self.goal) for each in self.attempts))
        return Table(f"{self.protocol}: {self.measured}", COLUMNS, rows)


def joined(costs: Sequence[Cost]) -> Cost:
    """Return what several take together."""
    return Cost(sum(each.size_bytes for each in costs), sum(each.serving_ms or 0.0 for each in costs))
