"""The options of `overload`, and its table."""

import argparse
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.compare import default_cores
from load_tests.launch import DidNotStart
from load_tests.overload import CALM, CALM_AGAIN, OVER, OverloadFound, OverloadOrder, latency_of, overload
from load_tests.progress import progress_line
from load_tests.table import show

EXAMPLES = """examples:
  python -m load_tests overload
  python -m load_tests overload --seconds 10

Measures what two tiers can do by a closed loop, then half of that, three times that, and half again, in an open loop.
Status 1: a reply was wrong, or one that was turned away was not told when to come again. Status 2: nothing was
measured. Goals that are missed are seen in the table.
"""
PIPED_WIDTH = 110
_MS = 1e3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the overload (%(default)s)")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 when a reply was not as it must be, 2 when nothing could be measured."""
    small, large = options.like
    told = Console(stderr=True)
    with progress_line(told) as say:
        try:
            found = overload(OverloadOrder(options.seconds, default_cores(), (small, large)), say)
        except DidNotStart as failure:
            told.print(f"nothing was measured: {failure}", markup=False)
            return 2
    return show([overload_table(found)], fault_lines(found), PIPED_WIDTH)


def overload_table(found: OverloadFound) -> Table:
    """Draw each figure, calm and under overload, beside its goal."""
    machine = found.machine
    table = Table(
        title=Text(f"{found.at} · {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"),
        caption=Text(f"open loop; the tiers can do {found.capacity_per_s:.0f} requests a second (closed loop)"),
        box=box.SIMPLE_HEAD,
    )
    for heading in ("figure", f"calm, × {CALM:g}", f"overload, × {OVER:g}", "goal"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for row in _rows(found):
        table.add_row(*row)
    return table


def fault_lines(found: OverloadFound) -> Iterator[str]:
    """Say which replies were not as they must be."""
    for name, report in (("calm", found.calm.report), ("overload", found.over.report)):
        if report.bad:
            yield f"{name}: {report.bad:,} wrong replies, first: {report.first_bad}"
        if report.shed_unexplained:
            yield f"{name}: {report.shed_unexplained:,} were turned away without a Retry-After"


def _rows(found: OverloadFound) -> Iterator[tuple[str, str, str, str]]:
    calm, over = found.calm.report, found.over.report
    yield "answered a second", f"{calm.requests_per_s:.0f}", f"{over.requests_per_s:.0f}", ""
    yield "  of what the tiers can do", "", f"{found.goodput:.0%}", "≥ 90 %"
    own_p50, own_p99 = found.own_us(calm, "p50") / _MS, found.own_us(calm, "p99") / _MS
    over_p50, over_p99 = found.own_us(over, "p50") / _MS, found.own_us(over, "p99") / _MS
    yield "added to the model server's time, P50, ms", f"{own_p50:.1f}", f"{over_p50:.1f}", "calm ≤ 3"
    yield "  P99, ms", f"{own_p99:.1f}", f"{over_p99:.1f}", "calm ≤ 10"
    yield "  P99, × calm", "", f"{over_p99 / max(own_p99, 1e-3):.2f}", "≤ 2"
    shed_ms = "–" if over.shed_us is None else f"{over.shed_us.p50 / _MS:.1f}, {over.shed_us.p99 / _MS:.1f}"
    yield "turned away", f"{calm.shed:,}", f"{over.shed:,}", ""
    yield "  told so, P50 and P99, ms", "", shed_ms, "P99 ≤ 10"
    yield "  without Retry-After", f"{calm.shed_unexplained:,}", f"{over.shed_unexplained:,}", "0"
    yield "event loop late, P99.9, ms", _bound_ms(found.calm.stall_s), _bound_ms(found.over.stall_s), "≤ 20"
    again = "not in time" if found.calm_again_s is None else f"≤ {found.calm_again_s:.1f}"
    yield f"P99 within {CALM_AGAIN:g} × calm again after, s", "", again, "≤ 10"
    bare = latency_of(found.direct)
    yield "without a gateway: P50 and P99, ms", f"{bare.p50 / _MS:.1f}, {bare.p99 / _MS:.1f}", "", ""
    calm_share, over_share = f"{found.calm.others_share:.0%}", f"{found.over.others_share:.0%}"
    yield "other processes' CPU, of a core", calm_share, over_share, ""


def _bound_ms(bound_s: float | None) -> str:
    return "–" if bound_s is None else f"≤ {bound_s * _MS:g}"
