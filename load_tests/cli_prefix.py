"""The options of `prefix`, and its tables."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.compare import machine
from load_tests.prefix import CONVERSATION, GATEWAYS, SHIPPED, SYNTHETIC, LookUps, Row, look_ups, read_traces, rows
from load_tests.prefix_world import KEPT_BLOCKS, SPEED_TOKENS_PER_S
from load_tests.progress import progress_line
from load_tests.table import show

EXAMPLES = """examples:
  python -m load_tests prefix
  python -m load_tests prefix --traces ../shared/data/traces --json > prefix.json

Replays Mooncake's traces in simulated time against simulated servers (no sockets), with the gateway's own index, table
of endpoints and news in the loop, and others' rules beside them. Takes some minutes of one core. Status 1: a goal was
missed. Status 2: the traces were not found.
"""
PIPED_WIDTH = 120
_TRACES: Final = Path("../shared/data/traces")
_US_PER_MS: Final = 1e3


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure beside what was aimed at, with what it must not exceed, or reach where `at_least`."""

    id: str
    what: str
    value: float
    goal: float | None
    moonshot: float
    unit: str
    at_least: bool = False

    @property
    def is_reached(self) -> bool:
        """Tell whether the goal was, if there is one."""
        if self.goal is None:
            return True
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--traces", type=Path, default=_TRACES, help="folder of the traces (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of tables")


def run(options: argparse.Namespace) -> int:
    """Replay and print; 1 when a goal is missed, 2 when there are no traces."""
    told = Console(stderr=True)
    try:
        traces = read_traces(options.traces)
    except OSError as error:
        print(f"no traces: {error}", file=sys.stderr)
        return 2
    with progress_line(told) as say:
        found = list(rows(traces, say))
        say("looking up")
        looked = look_ups(traces[CONVERSATION])
    aimed = goals(found, looked)
    if options.json:
        print(as_json(found, looked, aimed))
        return int(not all(goal.is_reached for goal in aimed))
    missed = [f"{goal.id} is missed: {goal.what}" for goal in aimed if not goal.is_reached]
    return show([rows_table(found), goals_table(aimed, looked)], missed, PIPED_WIDTH)


def goals(found: Sequence[Row], looked: LookUps) -> list[Goal]:
    """Read the figures of the goals off the rows."""
    one = {(row.trace, row.servers): row.found for row in found if row.name == SHIPPED and row.gateways == 1}
    shared = {row.late_s: row.found for row in found if row.gateways == GATEWAYS}
    calm, crowded, second = one[CONVERSATION, 8], one[CONVERSATION, 4], shared[1.0]
    return [
        Goal("P1", "mean TTFT, 8 servers", calm.ttft_mean_s, 1.40, 1.20, "s"),
        Goal("P1", "cached share, 8 servers", calm.cached_share, 0.29, 0.29, "", at_least=True),
        Goal("P2", "mean TTFT, 4 servers", crowded.ttft_mean_s, 14.0, 12.0, "s"),
        Goal("P2b", "mean TTFT, synthetic, 8 servers", one[SYNTHETIC, 8].ttft_mean_s, 0.91, 0.80, "s"),
        Goal("P2b", "mean TTFT, synthetic, 4 servers", one[SYNTHETIC, 4].ttft_mean_s, 68.0, 55.0, "s"),
        Goal(
            "P3",
            "cached share of four gateways a second late over one's",
            second.cached_share / calm.cached_share,
            0.97,
            0.97,
            "",
            at_least=True,
        ),
        Goal("P3", "mean TTFT of four over one's", second.ttft_mean_s / calm.ttft_mean_s, None, 1.10, ""),
        Goal("P4", "CPU of a look-up and insertion of 54 blocks, p99", looked.p99_us / _US_PER_MS, 0.3, 0.1, "ms"),
    ]


def rows_table(found: Sequence[Row]) -> Table:
    """Draw every way of routing."""
    about = machine()
    now = datetime.now(UTC)
    table = Table(
        title=Text(f"{now:%d %B %Y} · {about['cpu']}, {about['cores']} cores, Python {about['python']}"),
        caption=Text(
            f"{SPEED_TOKENS_PER_S:,} tokens/s and {KEPT_BLOCKS:,} blocks a server; constants were chosen on the "
            "conversation trace alone, and others' rules know how much servers keep"
        ),
        box=box.SIMPLE_HEAD,
    )
    for heading in ("trace", "servers", "routed by", "cached", "TTFT mean, s", "p99, s", "imbalance"):
        table.add_column(heading, justify="left" if heading in ("trace", "routed by") else "right")
    before = None
    for row in found:
        is_new, before = (row.trace, row.servers) != before, (row.trace, row.servers)
        table.add_row(
            row.trace.removeprefix("mooncake_") if is_new else "",
            str(row.servers) if is_new else "",
            _name(row),
            f"{row.found.cached_share:.1%}",
            f"{row.found.ttft_mean_s:,.2f}",
            f"{row.found.ttft_p99_s:,.1f}",
            f"{row.found.imbalance:.2f}",
        )
    return table


def goals_table(aimed: Sequence[Goal], looked: LookUps) -> Table:
    """Draw the figures beside what was aimed at."""
    about = f"p50 {looked.p50_us:.0f} µs; naming 54 blocks {looked.naming_p50_us:.0f} µs"
    table = Table(caption=Text(f"P4 in an index filled by the trace, CPU time: {about}"), box=box.SIMPLE_HEAD)
    for heading in ("", "figure", "found", "goal", "moonshot"):
        table.add_column(heading, justify="left" if heading in ("", "figure") else "right")
    for goal in aimed:
        sign = "≥" if goal.at_least else "≤"
        wanted = "–" if goal.goal is None else f"{sign} {goal.goal:g} {goal.unit}".rstrip()
        value = f"{goal.value:.3g} {goal.unit}".rstrip()
        table.add_row(goal.id, goal.what, value, wanted, f"{sign} {goal.moonshot:g} {goal.unit}".rstrip())
    return table


def as_json(found: Sequence[Row], looked: LookUps, aimed: Sequence[Goal]) -> str:
    """Write everything down."""
    return json.dumps(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "rows": [asdict(row) for row in found],
            "look_ups": asdict(looked),
            "goals": [
                {
                    **asdict(goal),
                    "goal": None if goal.goal == float("inf") else goal.goal,
                    "is_reached": goal.is_reached,
                }
                for goal in aimed
            ],
        },
        indent=1,
    )


def _name(row: Row) -> str:
    if row.gateways == 1:
        return row.name
    return f"{row.name} × {row.gateways}, " + ("private" if row.late_s is None else f"{row.late_s:g} s late")
