"""Simulate from the command line.

python -m tests.sim --seeds 100000 --jobs 2 --keep sim.json   judge many seeds; the same command goes on
python -m tests.sim --seeds 5000 --redis                      the same, with a Redis in every case
python -m tests.sim --seed 42 --trace                         show what happens in one
python -m tests.sim --seed 42 --shrink                        make a failing one small, as one line
python -m tests.sim --line '{"seed":…}' --trace               the same of a line
python -m tests.sim --figures                                 what hedging and outages come to, beside their goals
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from load_tests.progress import progress_line
from tests.sim.campaign import campaign, without_logs
from tests.sim.case import Case, case_of
from tests.sim.figures import FIGURES, figure_tables
from tests.sim.generator import case_of_seed
from tests.sim.report import tables
from tests.sim.shrink import shrink
from tests.sim.stage import play
from tests.sim.verdict import judge

PIPED_WIDTH = 110
"""Columns of a table where there is no terminal to fit it into."""


def main(arguments: Sequence[str]) -> int:
    """Do what was asked for; 1 when a promise was broken, or a goal missed."""
    given = _arguments(arguments)
    if given.figures is not None:
        return _figures(given.figures or FIGURES)
    if given.seed is not None or given.line is not None:
        drawn = case_of_seed(given.seed, shared=given.redis) if given.line is None else case_of(given.line)
        return _one(drawn, given)
    return _many(given)


def _one(case: Case, given: argparse.Namespace) -> int:
    out = sys.stdout.write
    out(case.line() + "\n")
    if given.trace:
        run = play(case)
        out("\n".join(run.history.lines()) + f"\nhistory {run.history.digest()}\n")
    found = judge(case).violations
    out("".join([f"violated: {one.what}\n" for one in found]) or "nothing is violated\n")
    if given.shrink and found:
        out(f"smallest that breaks {found[0].promise}:\n{shrink(case, found[0].promise).line()}\n")
    return 1 if found else 0


def _figures(names: Sequence[str]) -> int:
    console, told, are_met = Console(), Console(stderr=True), True
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    with progress_line(told) as say:
        for table, is_met in figure_tables(names, say):
            console.print(table)
            are_met = are_met and is_met
    return 0 if are_met else 1


def _many(given: argparse.Namespace) -> int:
    console = Console()
    columns = (
        TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=given.seeds)
        done = campaign(
            given.first,
            given.seeds,
            given.jobs,
            given.keep,
            lambda now: bar.update(
                task, completed=now.next - now.first, description=f"{len(now.tally.violations)} violations"
            ),
            shared=given.redis,
        )
    for table in tables(done):
        console.print(table)
    for one in done.tally.violations:
        redis = " --redis" if given.redis else ""
        console.print(
            f"python -m tests.sim --seed {one.seed}{redis} --trace   # {one.what}", markup=False, soft_wrap=True
        )
    return 1 if done.tally.violations else 0


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__, formatter_class=_AsWritten)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many to judge (1000)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--keep", type=Path, help="file to keep the progress in, and to go on from")
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--line", help="play this case alone: a line of JSON")
    parser.add_argument("--figures", nargs="*", choices=FIGURES, help="measure what is promised (all; some minutes)")
    parser.add_argument("--redis", action="store_true", help="give every case a Redis, not a third of them")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    parser.add_argument("--shrink", action="store_true", help="make a failing case small")
    return parser.parse_args(arguments)


class _AsWritten(argparse.RawDescriptionHelpFormatter):
    """Leave the examples as they are."""


if __name__ == "__main__":
    without_logs()
    sys.exit(main(sys.argv[1:]))
