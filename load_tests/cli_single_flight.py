"""The options of `single_flight`, and its table."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.progress import progress_line
from load_tests.single_flight import FlightFound, FlightOrder, single_flight, ways
from load_tests.table import show

EXAMPLES = """examples:
  python -m load_tests single_flight
  python -m load_tests single_flight --crowd 200 --gateways 2

Starts gateways, a Valkey of its own (extra `test`) and a model server. Status 1: an answer was not whole, or more calls
were made than there may be.
"""
PIPED_WIDTH = 110
_COLUMNS: Final[Sequence[tuple[str, Literal["left", "right"]]]] = (
    ("between them", "left"),
    ("calls", "right"),
    ("answers by what the cache says", "left"),
    ("not whole", "right"),
    ("goal", "right"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--crowd", type=int, default=1_000, help="requests that are the same (%(default)s)")
    parser.add_argument("--gateways", type=int, default=4, help="gateway processes (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    order = FlightOrder(options.crowd, options.gateways)
    with progress_line(Console(stderr=True)) as say:
        at, machine, found = single_flight(order, ways(order), say)
    return show([flight_table(at, machine, order, found)], fault_lines(found), PIPED_WIDTH)


def flight_table(at: str, machine: Mapping[str, object], order: FlightOrder, found: Sequence[FlightFound]) -> Table:
    """Draw the calls of each way beside the most that there may be."""
    table = Table(
        title=Text(f"{at} · {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"),
        caption=Text(f"{order.crowd:,} requests that are the same, at once, over {order.gateways} gateways"),
        box=box.SIMPLE_HEAD,
    )
    for heading, justify in _COLUMNS:
        table.add_column(heading, justify=justify)
    for one in found:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.kinds.items(), key=lambda kind: -kind[1]))
        table.add_row(one.way.name, f"{one.calls:,}", kinds, f"{one.bad:,}", f"≤ {one.way.most}")
    return table


def fault_lines(found: Sequence[FlightFound]) -> Iterator[str]:
    """Say what was not as it must be."""
    for one in found:
        if one.bad:
            yield f"{one.way.name}: {one.bad:,} answers were not whole"
        if one.calls > one.way.most:
            yield f"{one.way.name}: {one.calls:,} calls, where {one.way.most} may be"
