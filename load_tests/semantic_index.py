"""What finding like questions costs: in the process, by a graph in the process, and by servers, side by side."""

import argparse
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from gateway.pipeline.semantic import WITHIN_S
from load_tests.compare import machine
from load_tests.index_runs import KINDS, WIDTH, IndexFound, has_usearch, measure
from load_tests.plan import RefusedLoad
from load_tests.progress import progress_line
from load_tests.table import figures_table, show
from tests.support.search_server import CAN_SEARCH

EXAMPLES = """examples:
  python -m load_tests semantic_index
  python -m load_tests semantic_index --questions 1000,10000 --kind process --kind redis-vset

The servers are a Redis 8 with RediSearch of its own (extra `test`, Linux on x86-64). usearch is measured where it is
installed; nothing requires it. With 100,000 questions the servers take some minutes to be filled.
"""
SIZES: Final = (1_000, 10_000, 100_000)
SEARCHES: Final = 300
PIPED_WIDTH: Final = 130
_RIGHT_MIN: Final = 0.9
"""Of searches that must find the question that they were made from: with less, no time of an index means anything."""
_COLUMNS: Final = (
    "index",
    "questions",
    "search P50",
    "P99",
    "worker's CPU",
    "late",
    "found",
    "put P50",
    "P99",
    "puts/s",
    "worker",
    "server",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EXAMPLES
    parser.add_argument("--questions", type=_numbers, default=SIZES, metavar="N,N", help="of one scope, by turns")
    parser.add_argument("--searches", type=int, default=SEARCHES, help="of each size")
    parser.add_argument("--kind", choices=KINDS, action="append", help="all that can run here when absent")


def run(options: argparse.Namespace) -> int:
    """Measure, print the table; status 1 where an index does not find what it holds."""
    if min(options.questions) < 1 or options.searches < 1:
        raise RefusedLoad("there must be questions, and searches")
    kinds = options.kind or [kind for kind in KINDS if _can_run(kind)]
    absent = [kind for kind in kinds if not _can_run(kind)]
    if absent:
        raise RefusedLoad(f"{', '.join(absent)} cannot run here: see --help")
    found: list[IndexFound] = []
    with progress_line(Console(stderr=True)) as say:
        for kind in kinds:
            say(f"{kind}: up to {max(options.questions):,} questions")
            # A process each, so that memory is one index's and no other's.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                found += alone.submit(measure, kind, options.questions, options.searches).result()
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return show([index_table(at, machine(), options.searches, found)], fault_lines(found), PIPED_WIDTH)


def index_table(at: str, where: Mapping[str, object], searches: int, found: Iterable[IndexFound]) -> Table:
    """Draw an index with so many questions a row."""
    caption = (
        f"int8 vectors of {WIDTH} numbers, {searches} searches one after the other; late: longer than the "
        f"{WITHIN_S * 1e3:.0f} ms that a request waits at most; put: how long it holds the worker"
    )
    table = figures_table(at, where, caption, _COLUMNS)
    for each in found:
        times_ms = (f"{us / 1_000:.2f} ms" for us in (each.search_us.p50, each.search_us.p99))
        puts = (f"{each.put_us.p50} µs", f"{each.put_us.p99} µs", f"{each.puts_per_s:,.0f}")
        memory = (f"{size / 1e6:,.0f} MB" for size in (each.worker_bytes, each.server_bytes))
        shares = (f"{each.late:.1%}", f"{each.right:.1%}")
        table.add_row(each.kind, f"{each.questions:,}", *times_ms, f"{each.cpu_us} µs", *shares, *puts, *memory)
    return table


def fault_lines(found: Sequence[IndexFound]) -> Iterator[str]:
    """Say which index does not find what it holds."""
    for each in found:
        if each.right < _RIGHT_MIN:
            yield f"{each.kind}, {each.questions:,} questions: only {each.right:.0%} of the searches found their own"


def _can_run(kind: str) -> bool:
    if kind == "usearch":
        return has_usearch()
    return kind == "process" or CAN_SEARCH


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
