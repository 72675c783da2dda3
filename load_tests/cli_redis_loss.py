"""The options of `redis_loss`, and its tables."""

import argparse
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.compare import default_cores
from load_tests.launch import DidNotStart
from load_tests.progress import progress_line
from load_tests.redis_loss import ANSWER_MS, BEGINNING_S, RATE_PER_S, RedisLossFound, RedisLossOrder, redis_loss
from load_tests.table import show
from load_tests.tally import Report, Spread

EXAMPLES = """examples:
  python -m load_tests redis_loss
  python -m load_tests redis_loss --seconds 30 --hits 2000

Starts a Valkey of its own (extra `test`), two gateways and a model server. Status 1: a request failed. Status 2:
nothing was measured. Goals that are missed are seen in the tables.
"""
PIPED_WIDTH = 110
_MS = 1e3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each state of Redis (%(default)s)")
    parser.add_argument("--hits", type=int, default=500, help="hits that are asked for one at a time (%(default)s)")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 when a request failed, 2 when nothing could be measured."""
    small, large = options.like
    told = Console(stderr=True)
    with progress_line(told) as say:
        try:
            order = RedisLossOrder(options.seconds, max(1, options.hits), default_cores(), (small, large))
            found = redis_loss(order, say)
        except DidNotStart as failure:
            told.print(f"nothing was measured: {failure}", markup=False)
            return 2
    return show([hits_table(found), loss_table(found)], fault_lines(found), PIPED_WIDTH)


def hits_table(found: RedisLossFound) -> Table:
    """Draw what a hit takes, beside the model server's own answer."""
    machine = found.machine
    table = Table(
        title=Text(f"{found.at} · {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"),
        caption=Text("one request at a time, as its client sees it"),
        box=box.SIMPLE_HEAD,
    )
    for heading in ("exact hit", "P50, ms", "P99, ms", "goal"):
        table.add_column(heading, justify="left" if heading == "exact hit" else "right")
    table.add_row(f"model server alone, {ANSWER_MS} ms an answer", *_two(found.hits.direct_us), "")
    table.add_row("from memory", *_two(found.hits.memory_us), "P50 ≤ 0.1, P99 ≤ 1")
    table.add_row("from Redis", *_two(found.hits.redis_us), "P50 ≤ 1")
    return table


def loss_table(found: RedisLossFound) -> Table:
    """Draw what requests feel in each state of Redis."""
    table = Table(
        caption=Text(
            f"open loop, {RATE_PER_S:.0f} requests a second, every one a miss; added: to the P50 of the model server"
        ),
        box=box.SIMPLE_HEAD,
    )
    first, then = (f"first {BEGINNING_S:.0f} s: failed", "added P99, ms"), ("then: failed", "added P50", "P99")
    for heading in ("state", *first, *then, "goal"):
        table.add_column(heading, justify="left" if heading == "state" else "right")
    for phase in found.phases:
        beginning, afterwards = phase.beginning, phase.afterwards
        table.add_row(
            phase.name,
            f"{failed(beginning):,} of {beginning.good + failed(beginning):,}",
            _added_ms(found, beginning, "p99"),
            f"{failed(afterwards):,} of {afterwards.good + failed(afterwards):,}",
            _added_ms(found, afterwards, "p50"),
            _added_ms(found, afterwards, "p99"),
            "0; P99 ≤ 25",
        )
    return table


def failed(report: Report) -> int:
    """Count the replies that were wrong or never came. What is under way when a load ends is neither."""
    return report.bad


def fault_lines(found: RedisLossFound) -> Iterator[str]:
    """Say which requests failed, of what first."""
    for phase in found.phases:
        for report in (phase.beginning, phase.afterwards):
            if failed(report):
                yield f"{phase.name}: {failed(report):,} requests failed, first: {report.first_bad}"


def _two(times_us: Spread) -> tuple[str, str]:
    return f"{times_us.p50 / _MS:.2f}", f"{times_us.p99 / _MS:.2f}"


def _added_ms(found: RedisLossFound, report: Report, percentile: str) -> str:
    if report.latency_us is None or found.direct.latency_us is None:
        return "–"
    return f"{(getattr(report.latency_us, percentile) - found.direct.latency_us.p50) / _MS:.1f}"
