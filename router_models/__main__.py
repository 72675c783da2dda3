"""Command line: train, calibrate, evaluate, export and time the difficulty model."""

import argparse
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table as RichTable

from router_models.calibrate import Calibrated, calibrate
from router_models.card import model_card
from router_models.cli_data import add_data_commands, at_own_places
from router_models.cli_records import add_options, retrain
from router_models.data import DataError, Outcomes, default_data_directory, read_outcomes, read_prices
from router_models.design import extract_all
from router_models.evaluate import Table, evaluate, headline_metrics
from router_models.export import shipped_directory, write_artefact
from router_models.low_rank import SEED, Settings
from router_models.own_data import SUFFIXES, is_own_data, read_own
from router_models.own_evaluate import own_metrics, own_tables
from router_models.train import Trained, load, save, train
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


def _train(chosen: argparse.Namespace, console: Console) -> int:
    if chosen.from_records is not None:
        return retrain(chosen, console, shipped_directory())
    outcomes = _read(chosen, console)
    settings = Settings(latent=chosen.latent)
    with Progress(console=console) as progress:
        bar = progress.add_task("fit", total=settings.iterations)
        trained = train(
            outcomes,
            settings,
            seed=chosen.seed,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
            note=progress.console.print,
        )
        progress.update(bar, completed=settings.iterations)
    save(trained, chosen.model)
    console.print(f"kept in {chosen.model}")
    return _write(chosen, console, outcomes, trained)


def _calibrate(chosen: argparse.Namespace, console: Console) -> int:
    outcomes = _read(chosen, console)
    calibrated = _calibrated(outcomes, load(chosen.model, outcomes))
    ranked = sorted(calibrated.abilities, key=lambda ability: -ability.prior)
    rows = tuple(
        (
            each.reference,
            f"{each.prior:.3f}",
            f"{each.intercept:+.2f}",
            f"{each.standard_error:.2f}",
            ", ".join(each.tasks),
        )
        for each in ranked
    )
    _show(console, Table("Abilities", ("reference", "prior", "intercept", "standard error", "tasks"), rows))
    return 0


def _evaluate(chosen: argparse.Namespace, console: Console) -> int:
    outcomes = _read(chosen, console)
    trained = load(chosen.model, outcomes)
    calibrated = _calibrated(outcomes, trained)
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


def _export(chosen: argparse.Namespace, console: Console) -> int:
    outcomes = _read(chosen, console)
    return _write(chosen, console, outcomes, load(chosen.model, outcomes))


def _bench(chosen: argparse.Namespace, console: Console) -> int:
    command = [sys.executable, "-m", "gateway.adapters.scorer_latency", "--artefact", str(chosen.out)]
    command += ["--rounds", str(chosen.rounds)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own module, no shell


def _read(chosen: argparse.Namespace, console: Console) -> Outcomes:
    with console.status(f"read {chosen.data}"):
        if is_own_data(chosen.data):
            return read_own(chosen.data, lambda warning: console.print(f"[yellow]note:[/] {warning}", highlight=False))
        return read_outcomes(chosen.data)


def _calibrated(outcomes: Outcomes, trained: Trained) -> Calibrated:
    fitted = trained.fitted
    return calibrate(fitted.model, fitted.design, outcomes, trained.between_tasks, trained.seed)


def _write(chosen: argparse.Namespace, console: Console, outcomes: Outcomes, trained: Trained) -> int:
    calibrated = _calibrated(outcomes, trained)
    chance = calibrated.shrunk(trained.fitted.design)
    is_own = is_own_data(chosen.data)
    metrics = own_metrics(outcomes, chance) if is_own else headline_metrics(outcomes, calibrated, chance)
    size = write_artefact(chosen.out, outcomes, trained, calibrated, metrics)
    console.print(f"artefact in {chosen.out}: {size / 1e6:.2f} MB; test split: {metrics}")
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
        ("train", _train, "fit on the train split, then write the artefact", "--data ../shared/data"),
        ("calibrate", _calibrate, "show the calibrated abilities of a kept model", ""),
        ("evaluate", _evaluate, "print the tables and write the model card", "--folds 5"),
        ("export", _export, "write the artefact of a kept model", "--out router_models/artifacts"),
        ("bench", _bench, "time the scorer as it is served", ""),
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
            command.add_argument("--latent", type=int, default=Settings().latent, help="rank K (%(default)s)")
            command.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
            add_options(command)
        if name == "bench":
            command.add_argument("--rounds", type=int, default=3_000, help="calls per size (%(default)s)")
        if name == "evaluate":
            command.add_argument("--folds", type=int, default=0, help="also out-of-fold figures over N folds")
            command.add_argument("--card", type=Path, default=CARD, help="where the model card goes (%(default)s)")
    add_data_commands(commands)
    add_triton_command(commands, shipped_directory())
    return parser


if __name__ == "__main__":
    sys.exit(main())
