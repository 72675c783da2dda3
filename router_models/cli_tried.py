"""The `tried` command: what else was tried for the goals that are missed, run anew and written into the model card."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import Progress

from router_models.cli_evaluate import CARD, LATENCY, PROGRESS, bench_of, show
from router_models.cli_train import material_of, read_data
from router_models.data import DataError, default_data_directory
from router_models.fits import KEPT as FITS
from router_models.low_rank import SEED
from router_models.own_data import is_own_data
from router_models.router import ABILITY_SETTINGS
from router_models.tried.attempt import Missed
from router_models.tried.run import TRIES, tried
from router_models.tried.section import with_tried
from router_models.tried.workshop import Workshop, lines_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_HELP: Final = """For every row of R1 to R12 in which no stage reaches its goal, run at least three other ways on the
folds, draws and seeds of `evaluate`, print them beside what is shipped, say what bounds the row, and write all that
into the model card, row by row. Which goals are missed is read from the card. Fits are kept, so a run that was stopped
goes on where it was; where those of `evaluate` are kept too, differences from what is shipped are paired.

example: python -m router_models tried
         python -m router_models tried --rows R1,R12 --json tried.json"""


def add_tried_command(commands: "Commands") -> None:
    """Add `tried` to a command line."""
    command = commands.add_parser(
        "tried",
        help="re-run what else was tried for the goals that are missed",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--data", type=Path, default=default_data_directory(), help="directory that holds routing/ (%(default)s)"
    )
    command.add_argument("--rows", type=_rows, default=tuple(TRIES), help="rows of the table, as R1,R12 (all)")
    command.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
    command.add_argument("--fits", type=Path, default=FITS, help="where fits are kept (%(default)s)")
    command.add_argument("--latency", type=Path, default=LATENCY, help="what load_tests scoring wrote (%(default)s)")
    command.add_argument("--card", type=Path, default=CARD, help="the model card to write into (%(default)s)")
    command.add_argument("--json", type=Path, help="write everything there as well")
    command.set_defaults(run=_tried, out=None)


def _rows(told: str) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for name in told.split(",") if name.strip())
    if unknown := [name for name in names if name not in TRIES]:
        raise argparse.ArgumentTypeError(f"nothing was tried for {', '.join(unknown)}; there are {', '.join(TRIES)}")
    return names


def _tried(chosen: argparse.Namespace, console: Console) -> int:
    if is_own_data(chosen.data):
        raise DataError("`tried` re-runs the public protocols; name the directory that holds routing/ with --data")
    if not chosen.card.is_file():
        raise DataError(f"{chosen.card} is not there. Make it first: python -m router_models evaluate")
    card = chosen.card.read_text("utf-8")
    if not (lines := lines_of(card)):
        raise DataError(f"{chosen.card} has no table of every protocol. Write it: python -m router_models evaluate")
    material = material_of(read_data(chosen.data, console), console)
    with Progress(*PROGRESS, console=console) as progress:
        bar = progress.add_task("tried", total=len(chosen.rows))
        bench = bench_of(material, ABILITY_SETTINGS, chosen, lambda told: progress.update(bar, description=told))
        found: dict[str, list[Missed]] = {}
        for name, missed in tried(Workshop(bench, lines), chosen.rows):
            found[name] = missed
            tell(name, missed, console)
            chosen.card.write_text(with_tried(card, found), "utf-8")
            progress.advance(bar)
    console.print(f"written to {chosen.card}")
    if chosen.json is not None:
        told = {name: [asdict(each) for each in missed] for name, missed in found.items()}
        chosen.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


def tell(name: str, missed: Sequence[Missed], console: Console) -> None:
    """Print what was tried for one protocol, goal by goal."""
    for each in missed:
        show(console, each.table())
        for bound in each.bounds:
            console.print(f"- {bound}", highlight=False)
    if not missed:
        console.print(f"{name}: each of its goals is reached by some stage.")
