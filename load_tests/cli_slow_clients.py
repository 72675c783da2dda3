"""The options of `slow_clients`, and its tables."""

import argparse
from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table

from load_tests.compare import default_cores
from load_tests.launch import DidNotStart
from load_tests.progress import progress_line
from load_tests.slow_campaign import TERMS, SlowFound, SlowOrder, Window, campaign, range_of
from load_tests.slow_client import Kind
from load_tests.slow_crowd import MIX, fault_lines
from load_tests.table import show

EXAMPLES = """examples:
  python -m load_tests slow_clients --clients 2000
  python -m load_tests slow_clients --clients 200 --rounds 1 --seconds 5
  python -m load_tests slow_clients --only reader --clients 500 --rounds 1

A round takes about two minutes: good requests alone, the slow clients come, good requests beside them, and then a wait
until the gateway has ended the last slow one. Status 1: a good reply was wrong, or a slow client was not ended as the
limits say. Status 2: nothing was measured.
"""
GOAL = "≤ 1.10"
"""What the slow ones may add to the good ones' 99th percentile."""
MEMORY_GOAL = "≤ 524"
"""Half a mebibyte; in the first round, as what was taken once is seldom given back."""
PIPED_WIDTH = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--clients", type=int, default=2_000, help="slow ones held open at a time (%(default)s)")
    parser.add_argument("--only", choices=[kind.name.lower() for kind in Kind], help="let all be slow in this way")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each measured window (%(default)s)")
    parser.add_argument("--rate", type=float, default=200.0, help="good requests a second (%(default)s)")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 when something was not as it must be, 2 when nothing could be measured."""
    small, large = options.like
    mix = MIX if options.only is None else (Kind[options.only.upper()],)
    order = SlowOrder(
        options.clients, options.rounds, options.seconds, options.rate, default_cores(), (small, large), mix
    )
    told = Console(stderr=True)
    with progress_line(told) as say:
        try:
            found = campaign(order, say)
        except DidNotStart as failure:
            told.print(f"nothing was measured: {failure}", markup=False)
            return 2
    faults = [*fault_lines(found.ends.items()), *_wrong_replies(found)]
    return show([good_table(found), slow_table(found)], faults, PIPED_WIDTH)


def good_table(found: SlowFound) -> Table:
    """Draw what the good requests met, without and with the slow clients."""
    order = found.order
    table = Table(
        title=f"{found.at} · {found.machine['cpu']}, {found.machine['cores']} cores, Python {found.machine['python']}",
        caption=f"medians of {order.rounds} rounds [lowest–highest], {order.rate_per_s:g} good requests a second",
        box=box.SIMPLE_HEAD,
    )
    for heading in ("good requests", "alone", f"beside {order.clients:,} slow clients", "ratio", "goal"):
        table.add_column(heading, justify="left" if heading == "good requests" else "right")
    rows: tuple[tuple[str, Callable[[Window], float], str], ...] = (
        ("P50, µs", lambda w: w.latency_us.p50, ""),
        ("P99, µs", lambda w: w.latency_us.p99, GOAL),
        ("gateway's CPU, % of a core", lambda w: w.cpu_share * 1e2, ""),
        ("gateway's memory (PSS), MB", lambda w: w.pss_bytes / 1e6, ""),
        ("other processes' CPU, % of a core", lambda w: w.others_share * 1e2, ""),
    )
    for title, read, goal in rows:
        alone, beside = ([read(window) for window in side] for side in zip(*found.pairs(), strict=True))
        ratios = [after / max(before, 1e-9) for before, after in zip(alone, beside, strict=True)]
        table.add_row(title, range_of(alone).text(), range_of(beside).text(), range_of(ratios).text(2), goal)
    grown = [(beside.pss_bytes - alone.pss_bytes) / beside.slow_clients / 1e3 for alone, beside in found.pairs()]
    table.add_row("  more for each slow client, kB", "", range_of(grown).text(), "", MEMORY_GOAL)
    return table


def slow_table(found: SlowFound) -> Table:
    """Draw how the slow clients ended."""
    table = Table(title="slow clients, over all rounds", box=box.SIMPLE_HEAD)
    for heading in ("a client that", "limit, s", "ended as it says", "otherwise"):
        table.add_column(heading, justify="left" if heading == "a client that" else "right")
    for kind, ends in found.ends.items():
        table.add_row(kind.value, f"{TERMS.limit_s[kind]:g}", f"{ends.well:,}", f"{ends.faults.total():,}")
    return table


def _wrong_replies(found: SlowFound) -> list[str]:
    return [
        f"round {w.round}: {w.report.bad:,} wrong replies beside {w.slow_clients:,} slow clients: {w.report.first_bad}"
        for w in found.windows
        if w.report.bad
    ]
