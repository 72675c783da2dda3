"""The `data` commands: build the training tables from public sources, and compare two builds."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from router_models.build import build
from router_models.compare import Agreement, compare
from router_models.own_data import is_own_data
from router_models.sources.registry import SOURCES

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

BUILT: Final = Path(".tiergate") / "data"
OWN_MODEL: Final = Path(".tiergate") / "own_model.npz"
OWN_ARTEFACT: Final = Path(".tiergate") / "own_artefact"
_FETCH: Final = "\n".join(f"  {source.repository.fetch}" for source in SOURCES)
_BUILD_HELP: Final = f"""Build queries.jsonl.gz, outcomes.csv.gz and prices.csv from local clones.

Fetch the clones first, side by side in one directory:

{_FETCH}

example: python -m router_models data build --from clones --to .tiergate/data
then:    python -m router_models train --data .tiergate/data"""
_COMPARE_HELP: Final = """Compare two builds of the tables: rows, and the share of equal scores, for each data set.

example: python -m router_models data compare .tiergate/data ../shared/data"""


def add_data_commands(commands: "Commands") -> None:
    """Add `data build` and `data compare` to a command line."""
    data = commands.add_parser(
        "data",
        help="build the training tables, or compare two builds",
        description="Build the training tables from public sources, or compare two builds.",
        epilog="example: python -m router_models data build --from clones",
    )
    parts = data.add_subparsers(required=True, metavar="command")
    kind = argparse.RawDescriptionHelpFormatter
    made = parts.add_parser("build", help="build the tables", description=_BUILD_HELP, formatter_class=kind)
    made.add_argument("--from", dest="clones", type=Path, required=True, help="directory that holds the clones")
    made.add_argument("--to", type=Path, default=BUILT, help="directory that gets routing/ (%(default)s)")
    made.add_argument("--fresh", action="store_true", help="read every source again, finished or not")
    made.set_defaults(run=_build)
    other = parts.add_parser("compare", help="compare two builds", description=_COMPARE_HELP, formatter_class=kind)
    other.add_argument("left", type=Path, help="a directory that holds routing/")
    other.add_argument("right", type=Path, help="another")
    other.set_defaults(run=_compare)


def at_own_places(chosen: argparse.Namespace, kept: Path, shipped: Path) -> argparse.Namespace:
    """Keep a model of own outcomes apart from the shipped one, where no other place was named."""
    if is_own_data(getattr(chosen, "data", BUILT)):
        for name, usual, own in (("model", kept, OWN_MODEL), ("out", shipped, OWN_ARTEFACT)):
            if getattr(chosen, name, None) == usual:
                setattr(chosen, name, own)
    return chosen


def _build(chosen: argparse.Namespace, console: Console) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("look for clones", total=None)
        parts = build(
            chosen.clones,
            chosen.to,
            lambda what, done, total: progress.update(bar, description=what, completed=done, total=total),
            fresh=chosen.fresh,
        )
        progress.update(bar, description="done")
    shown = Table(title=f"Tables in {chosen.to / 'routing'}")
    for column in ("source", "queries", "outcomes", "left out"):
        shown.add_column(column)
    for part in parts:
        name = f"{part.source} (kept)" if part.was_kept else part.source
        shown.add_row(name, f"{part.queries:,}", f"{part.outcomes:,}", "\n".join(part.notes))
    console.print(shown)
    return 0


def _compare(chosen: argparse.Namespace, console: Console) -> int:
    with console.status("compare"):
        found = compare(chosen.left, chosen.right)
    shown = Table(title=f"{chosen.left} (left) and {chosen.right} (right)")
    for column in ("data set", "queries", "prompt", "group", "split", "outcomes", "score", "length"):
        shown.add_column(column)
    for row in found:
        shown.add_row(*_cells(row))
    console.print(shown)
    return 0


def _cells(row: Agreement) -> tuple[str, ...]:
    common, scored = row.queries[2], row.outcomes[2]
    return (
        f"{row.source}\n{row.dataset}",
        _rows(row.queries),
        *(_share(same, common) for same in (row.same_prompt, row.same_group, row.same_split)),
        _rows(row.outcomes),
        *(_share(same, scored) for same in (row.same_score, row.same_length)),
    )


def _rows(counts: tuple[int, int, int]) -> str:
    left, right, both = counts
    return f"{both:,}" if left == right == both else f"{both:,} of {left:,} and {right:,}"


def _share(same: int, of: int) -> str:
    return f"{100 * same / of:.2f} %" if of else "-"
