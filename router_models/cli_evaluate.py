"""The `evaluate` command: every protocol on the public data, or the test split of own outcomes."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from router_models.card import model_card, summary
from router_models.cli_train import Material, material_of, read_data, read_material
from router_models.data import DataError, Mask, Outcomes, default_data_directory, read_prices
from router_models.encoder_weights import read_weights
from router_models.evaluate import PROTOCOLS, evaluate
from router_models.fits import KEPT as FITS
from router_models.fits import Fits, Note, kept_at
from router_models.low_rank import SEED, Settings
from router_models.own_data import SUFFIXES, is_own_data
from router_models.own_evaluate import own_tables
from router_models.partitions import sample_of_groups
from router_models.plots import draw
from router_models.references_table import one_table
from router_models.report import Table
from router_models.router import ABILITY_SETTINGS
from router_models.texts import Texts, read_pools
from router_models.train import load
from router_models.tried.section import section_of, with_section
from router_models.workbench import Bench

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

CARD: Final = Path(__file__).with_name("MODEL_CARD.md")
PLOTS: Final = Path(__file__).with_name("plots")
LATENCY: Final = Path(__file__).with_name("latency.json")
FAST_SHARE: Final = 0.06
"""Of the groups of queries: enough that most protocols have something to say, and nothing worth quoting."""
FAST_STEPS: Final = 10
PROGRESS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
_HELP: Final = """Run the protocols R1 to R12 on the public data: fit, test what was not fitted on, print one table
beside what others reached, and write plots and the model card. Fits are kept, so a run that was stopped goes on where
it was, and a second one takes a minute; on two idle cores the first takes about a quarter of an hour.

With a file of own outcomes, judge the kept model (python -m router_models train --data FILE) on their test split.

example: python -m router_models evaluate
         python -m router_models evaluate --only R1,R5
         python -m router_models evaluate --data outcomes.parquet"""


def add_evaluate_command(commands: "Commands", model: Path) -> None:
    """Add `evaluate` to a command line; `model` is where a trained model is kept."""
    command = commands.add_parser(
        "evaluate",
        help="run every protocol, write the model card",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--data",
        type=Path,
        default=default_data_directory(),
        help=f"directory that holds routing/ (%(default)s), or own outcomes: {', '.join(SUFFIXES)}",
    )
    command.add_argument("--model", type=Path, default=model, help="of own outcomes: the kept model (%(default)s)")
    command.add_argument("--only", type=_names, default=tuple(PROTOCOLS), help="protocols, as R1,R5")
    command.add_argument("--fast", action="store_true", help="a small sample and short fits, to see that all works")
    command.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
    command.add_argument("--fits", type=Path, default=FITS, help="where fits are kept (%(default)s)")
    command.add_argument("--latency", type=Path, default=LATENCY, help="what load_tests scoring wrote (%(default)s)")
    command.add_argument("--card", type=Path, default=CARD, help="where the model card goes (%(default)s)")
    command.add_argument("--plots", type=Path, default=PLOTS, help="where the plots go (%(default)s)")
    command.set_defaults(run=_evaluate, out=None)


def _names(told: str) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for name in told.split(",") if name.strip())
    if unknown := [name for name in names if name not in PROTOCOLS]:
        raise argparse.ArgumentTypeError(
            f"no protocol is called {', '.join(unknown)}; there are {', '.join(PROTOCOLS)}"
        )
    return names


def _evaluate(chosen: argparse.Namespace, console: Console) -> int:
    if is_own_data(chosen.data):
        return _evaluate_own(chosen, console)
    outcomes = read_data(chosen.data, console)
    settings = ABILITY_SETTINGS
    if chosen.fast:
        outcomes = some(outcomes, sample_of_groups(outcomes, FAST_SHARE, chosen.seed))
        outcomes = replace(outcomes, digest=f"{outcomes.digest}, sample")
        settings = replace(settings, iterations=FAST_STEPS)
    material = material_of(outcomes, console)
    with Progress(*PROGRESS, console=console) as progress:
        bar = progress.add_task("evaluate", total=len(chosen.only))
        bench = bench_of(material, settings, chosen, lambda told: progress.update(bar, description=told))
        found = evaluate(bench, chosen.only, lambda _: progress.advance(bar))
    for table in (*found.tables, one_table(found.lines)):
        show(console, table)
    console.print(summary(found.lines).replace("**", ""))
    draw(found.drawings, chosen.plots)
    card = model_card(outcomes, settings, chosen.seed, chosen.only, found, chosen.plots)
    if chosen.card.is_file():
        card = with_section(card, section_of(chosen.card.read_text("utf-8")))
    chosen.card.write_text(card, "utf-8")
    console.print(f"written to {chosen.card} and {chosen.plots}")
    return 0


def bench_of(material: Material, settings: Settings, chosen: argparse.Namespace, note: Note) -> Bench:
    """Return what the protocols work on. `chosen` tells `data`, `fits`, `latency` and `seed`."""
    outcomes, texts = material.outcomes, material.texts
    directory = kept_at(chosen.fits, settings, chosen.seed, outcomes.digest, texts.has_encoder)
    fits = Fits(outcomes, texts, settings, chosen.seed, directory, note)
    return Bench(fits, read_prices(chosen.data), _ReadTexts(material), chosen.latency, chosen.seed)


def _evaluate_own(chosen: argparse.Namespace, console: Console) -> int:
    if not chosen.model.is_file():
        raise DataError(f"{chosen.model} is not there. Make it: python -m router_models train --data {chosen.data}")
    material = read_material(chosen.data, console)
    trained = load(chosen.model, material.texts)
    for table in own_tables(material.outcomes, trained.router, trained.seed):
        show(console, table)
    return 0


def some(outcomes: Outcomes, chosen: Mask) -> Outcomes:
    """Return the outcomes of some queries."""
    return replace(
        outcomes,
        queries=tuple(outcomes.queries[row] for row in np.flatnonzero(chosen)),
        score=outcomes.score[chosen],
        seen=outcomes.seen[chosen],
        output_tokens=outcomes.output_tokens[chosen],
    )


class _ReadTexts:
    """Reads further texts as the material was read."""

    def __init__(self, material: Material) -> None:
        self._reader = material.reader

    def __call__(self, texts: Sequence[str], *, with_encoder: bool) -> Texts:
        return self._reader.read(texts, read_pools(texts, read_weights()) if with_encoder else None)


def show(console: Console, table: Table) -> None:
    """Print a table."""
    shown = RichTable(title=table.title)
    for column in table.columns:
        shown.add_column(column)
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)
