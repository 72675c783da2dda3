"""Command line: train, calibrate, evaluate, export and time the difficulty model."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from router_models.card import model_card
from router_models.cli_bench import add_bench_command
from router_models.cli_data import add_data_commands, at_own_places
from router_models.cli_encoder import add_encoder_commands
from router_models.cli_records import add_options
from router_models.cli_train import calibrated_of, read_material, run_calibrate, run_export, run_train
from router_models.data import DataError, default_data_directory, read_prices
from router_models.design import extract_all
from router_models.evaluate import Table, evaluate
from router_models.export import shipped_directory
from router_models.low_rank import SEED
from router_models.own_data import SUFFIXES, is_own_data
from router_models.own_evaluate import own_tables
from router_models.train import load
from router_models.triton import add_triton_command

KEPT = Path(".tiergate") / "router_model.npz"
CARD = Path(__file__).with_name("MODEL_CARD.md")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 on success, 2 when the data or a model are missing."""
    chosen = at_own_places(_parser().parse_args(arguments), KEPT, shipped_directory())
    console = Console()
    try:
        status: int = chosen.run(chosen, console)
    except DataError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    return status


def _evaluate(chosen: argparse.Namespace, console: Console) -> int:
    material = read_material(chosen.data, console)
    outcomes, trained = material.outcomes, load(chosen.model, material.texts)
    calibrated = calibrated_of(material, trained)
    if is_own_data(chosen.data):
        for table in own_tables(outcomes, calibrated, calibrated.shrunk(trained.fitted.design), trained.seed):
            _show(console, table)
        return 0
    features = extract_all(query.prompt for query in outcomes.queries)
    prices = read_prices(chosen.data)
    with console.status("evaluate") as status:
        tables = evaluate(outcomes, features, trained, calibrated, prices, folds=chosen.folds, note=status.update)
    for table in tables:
        _show(console, table)
    chosen.card.write_text(model_card(outcomes, trained, calibrated, tables), "utf-8")
    console.print(f"written to {chosen.card}")
    return 0


def _show(console: Console, table: Table) -> None:
    shown = RichTable(title=table.title)
    for column in table.columns:
        shown.add_column(column)
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m router_models", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, run, what, example in (
        ("train", run_train, "fit on all but the test split, then write the artefact", "--data outcomes.parquet"),
        ("calibrate", run_calibrate, "show the calibrated abilities of a kept model", ""),
        ("evaluate", _evaluate, "print the tables and write the model card", "--folds 5"),
        ("export", run_export, "write the artefact of a kept model", "--out router_models/artifacts"),
    ):
        command = commands.add_parser(
            name, help=what, description=what, epilog=f"example: python -m router_models {name} {example}".rstrip()
        )
        command.set_defaults(run=run)
        command.add_argument(
            "--data",
            type=Path,
            default=default_data_directory(),
            help=f"directory that holds routing/ (%(default)s), or own outcomes: {', '.join(SUFFIXES)}",
        )
        command.add_argument("--model", type=Path, default=KEPT, help="the model kept between commands (%(default)s)")
        command.add_argument("--out", type=Path, default=shipped_directory(), help="artefact directory (%(default)s)")
        if name == "train":
            command.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
            add_options(command)
        if name == "evaluate":
            command.add_argument("--folds", type=int, default=0, help="also out-of-fold figures over N folds")
            command.add_argument("--card", type=Path, default=CARD, help="where the model card goes (%(default)s)")
    add_data_commands(commands)
    add_encoder_commands(commands)
    add_bench_command(commands)
    add_triton_command(commands, shipped_directory())
    return parser


if __name__ == "__main__":
    sys.exit(main())
