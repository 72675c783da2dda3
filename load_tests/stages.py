"""Prices every stage of a request: microseconds for each function on its path, beside the design's budget."""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gateway.adapters.artefact import ArtefactError, FoldedTable, load_artefact, shipped_artefact
from load_tests.bodies import BodyKind, request_body
from load_tests.stage_steps import BUDGETS_US, Step, steps_of

BODIES = {
    "2 kB": BodyKind(unique=False),
    "2 kB compact": BodyKind(unique=False, compact=True),
    "50 kB": BodyKind(size_bytes=50_000, unique=False),
}
SAMPLE_S = 0.0002
"""Calls are timed in batches of about this length: long against the clock's own cost, short against a time slice."""
SAMPLES_LEAST = 11

EXAMPLES = """examples:
  python -m load_tests stages
  taskset -c 1 python -m load_tests stages --seconds 1
"""


Progress = Callable[[Sequence[Step]], Iterable[Step]]
"""Hands the steps on, one at a time, and may show how far it is."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A step with its cost, one figure a body, in microseconds."""

    stage: str
    name: str
    p50_us: tuple[float, ...]


def p50_us(call: Callable[[], object], seconds: float, now_s: Callable[[], float] = time.perf_counter) -> float:
    """Return the median time of a call, over batches, in microseconds."""
    batch = _batch_size(call, now_s)
    samples: list[float] = []
    end_s = now_s() + seconds
    while len(samples) < SAMPLES_LEAST or now_s() < end_s:
        began_s = now_s()
        for _ in range(batch):
            call()
        samples.append((now_s() - began_s) / batch)
    return statistics.median(samples) * 1e6


def price_steps(table: FoldedTable, seconds: float, progress: Progress) -> list[Priced]:
    """Time every step for every body."""
    bodies = [request_body(kind) for kind in BODIES.values()]
    rows = list(zip(*(list(steps_of(body, table)) for body in bodies), strict=True))
    timed = {id(step): p50_us(step.call, seconds) for step in progress([step for row in rows for step in row])}
    return [Priced(row[0].stage, row[0].name, tuple(timed[id(step)] for step in row)) for row in rows]


def stages_table(priced: Sequence[Priced]) -> Table:
    """Draw the steps; each stage's sum and budget stand beside its last one."""
    table = Table(title="our own CPU a request, p50 µs, one call after another on an idle core", box=box.SIMPLE_HEAD)
    table.add_column("stage")
    table.add_column("what is called")
    for name in BODIES:
        table.add_column(name, justify="right")
    table.add_column("stage, 2 kB", justify="right")
    table.add_column("budget", justify="right")
    for stage, budget_us in BUDGETS_US.items():
        steps = [step for step in priced if step.stage == stage]
        for step in steps:
            is_last = step is steps[-1]
            total = f"{sum(each.p50_us[0] for each in steps):.1f}" if is_last else ""
            cells = [f"{value:.2f}" for value in step.p50_us]
            table.add_row(
                stage if step is steps[0] else "", step.name, *cells, total, str(budget_us) if is_last else ""
            )
    sums = [f"{sum(step.p50_us[number] for step in priced):.1f}" for number in range(len(BODIES))]
    table.add_section()
    table.add_row("sum", "", *sums, sums[0], str(sum(BUDGETS_US.values())))
    return table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--artefact", type=Path, default=shipped_artefact(), help="directory of the difficulty model")
    parser.add_argument("--seconds", type=float, default=0.2, help="time for each figure (default %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Print the table; 2 when there is no difficulty model."""
    try:
        table = load_artefact(options.artefact).table
    except ArtefactError as error:
        print(error, file=sys.stderr)
        return 2
    told = Console(stderr=True)
    progress = partial(track, description="timing", console=told, transient=True)
    steps = price_steps(table, options.seconds, progress)
    Console(width=None if sys.stdout.isatty() else 110).print(stages_table(steps))
    return 0


def _batch_size(call: Callable[[], object], now_s: Callable[[], float]) -> int:
    batch = 1
    while True:
        began_s = now_s()
        for _ in range(batch):
            call()
        if now_s() - began_s >= SAMPLE_S:
            return batch
        batch *= 2
