"""The commands that make an artefact: train, calibrate (show), export; and how every command reads data and texts."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from router_models.calibrate import Calibrated, calibrate
from router_models.cli_records import retrain
from router_models.data import Outcomes, read_outcomes
from router_models.encoder_weights import read_weights
from router_models.export import shipped_directory, write_artefact
from router_models.headline import headline
from router_models.own_data import is_own_data, read_own
from router_models.router import ABILITY_SETTINGS
from router_models.texts import Reader, Texts, learn_reader, read_pools
from router_models.train import Trained, load, save, train


@dataclass(frozen=True, slots=True)
class Material:
    """What a command works on: outcomes, the texts as numbers, and how they became numbers."""

    outcomes: Outcomes
    texts: Texts
    reader: Reader


def read_material(data: Path, console: Console) -> Material:
    """Read outcomes and their texts."""
    return material_of(read_data(data, console), console)


def material_of(outcomes: Outcomes, console: Console) -> Material:
    """Pass the texts of outcomes through the encoder as far as that was not done before."""
    weights = read_weights()
    prompts = [query.prompt for query in outcomes.queries]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("texts through the encoder", total=len(prompts))
        pools = read_pools(prompts, weights, progress=lambda done, _: progress.update(bar, completed=done))
    with console.status("distil the static table"):
        reader = learn_reader(prompts, pools, weights)
        return Material(outcomes, reader.read(prompts, pools), reader)


def run_train(chosen: argparse.Namespace, console: Console) -> int:
    """Fit on all but the test split, then write the artefact."""
    if chosen.from_records is not None:
        return retrain(chosen, console, shipped_directory())
    material = read_material(chosen.data, console)
    with console.status("fit") as status:

        def note(what: str) -> None:
            status.update(what)
            console.print(what, highlight=False)

        trained = train(material.outcomes, material.texts, ABILITY_SETTINGS, seed=chosen.seed, note=note)
    save(trained, chosen.model)
    console.print(f"kept in {chosen.model}")
    return _write(chosen, console, material, trained)


def run_calibrate(chosen: argparse.Namespace, console: Console) -> int:
    """Show the abilities of a kept model."""
    material = read_material(chosen.data, console)
    calibrated = calibrated_of(material, load(chosen.model, material.texts))
    table = Table("reference", "prior", "intercept", "standard error", "tasks", title="Abilities")
    for each in sorted(calibrated.abilities, key=lambda ability: -ability.prior):
        figures = (f"{each.prior:.3f}", f"{each.intercept:+.2f}", f"{each.standard_error:.2f}")
        table.add_row(each.reference, *figures, ", ".join(each.tasks))
    console.print(table)
    return 0


def run_export(chosen: argparse.Namespace, console: Console) -> int:
    """Write the artefact of a kept model."""
    material = read_material(chosen.data, console)
    return _write(chosen, console, material, load(chosen.model, material.texts))


def calibrated_of(material: Material, trained: Trained) -> Calibrated:
    """Return the abilities of a trained router."""
    return calibrate(trained.router, material.outcomes, trained.between_tasks, trained.seed)


def read_data(data: Path, console: Console) -> Outcomes:
    """Read a directory of public data, or a file of own outcomes. Raises DataError."""
    with console.status(f"read {data}"):
        if is_own_data(data):
            return read_own(data, lambda warning: console.print(f"[yellow]note:[/] {warning}", highlight=False))
        return read_outcomes(data)


def _write(chosen: argparse.Namespace, console: Console, material: Material, trained: Trained) -> int:
    calibrated = calibrated_of(material, trained)
    metrics = headline(material.outcomes, calibrated.router)
    written = write_artefact(chosen.out, material.outcomes, trained, calibrated, material.reader, metrics)
    console.print(f"artefact in {chosen.out}: {written.size_bytes / 1e6:.2f} MB; test split: {metrics}")
    if written.lost_verifier:
        console.print(
            f"[yellow]note:[/] the verifier of semantic hits rests on another table of word pieces and was taken out. "
            f"Train it anew: python -m router_models verifier train --out {chosen.out}",
            highlight=False,
        )
    return 0
