"""Tells what a campaign came to."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from tests.sim.campaign import Progress
from tests.sim.verdict import pairs_of_the_table


def tables(progress: Progress) -> Iterator[Table]:
    """Lay out runs, faults by kind and phase, outcomes, and pairs of the exchange machine, never hit ones last."""
    tally = progress.tally
    runs = Table("seeds", "requests", "calls", "faults met", "violations", title="Runs")
    met = sum(tally.met.values())
    runs.add_row(*[f"{count:,}" for count in (tally.runs, tally.requests, tally.calls, met, len(tally.violations))])
    yield runs
    yield _counts("Faults met, by kind and phase", tally.met)
    yield _counts("Outcomes", tally.outcomes)
    yield _counts("What became of batch requests", tally.lane)
    pairs = {name: tally.pairs.get(name, 0) for name in pairs_of_the_table()}
    yield _counts("Pairs of the exchange machine that do something", pairs)


def _counts(title: str, counts: Mapping[str, int]) -> Table:
    table = Table("", "times", title=title)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, f"{count:,}")
    return table
