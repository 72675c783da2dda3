"""`train --from-records`: learn abilities anew from a gateway's records, and promote them only if they are no worse."""

import argparse
import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from router_models.data import DataError
from router_models.records import (
    LEAST_HELD_OUT,
    MARGIN,
    Artefact,
    Comparison,
    Labelled,
    Model,
    compare,
    comparison,
    read_artefact,
    read_records,
    refit,
    write_artefact,
)

OUT: Final = Path(".tiergate") / "artefact"
_COLUMNS: Final = (
    "reference",
    "tiers",
    "labels",
    "held out",
    "accepted",
    "prior",
    "champion",
    "challenger",
    "gain from",
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Register what training from records needs to know."""
    command.add_argument(
        "--from-records",
        type=Path,
        metavar="DIR",
        help="instead, learn abilities anew from the records below a gateway's TIERGATE_STATE",
    )
    command.add_argument(
        "--artefact", type=Path, metavar="DIR", help="the champion, with --from-records (the packaged one)"
    )
    command.add_argument("--force", action="store_true", help="write the challenger even if it is not promoted")


def retrain(chosen: argparse.Namespace, console: Console, shipped: Path) -> int:
    """Refit, compare, and write a new artefact if the challenger is promoted; 0 if so, 1 if not.

    Raises DataError when there is nothing to learn from.
    """
    artefact = read_artefact(chosen.artefact or shipped)
    labelled, counts = read_records(chosen.from_records, artefact.space)
    console.print("rows: " + ", ".join(f"{count:,} {what}" for what, count in counts.items() if count))
    models = {each.reference: artefact.model(each.reference) for each in labelled}
    for name in sorted(name for name, model in models.items() if model is None):
        console.print(f"{name}: not a reference of this artefact; its labels are left out")
    known = [(each, model) for each in labelled if (model := models[each.reference]) is not None]
    if not known:
        raise DataError("No label is of a tier that is `like` a reference of this artefact.")
    verdict = _contest(artefact, known, console)
    if not verdict.is_promoted and not chosen.force:
        console.print("The champion stays; nothing was written. --force writes the challenger all the same.")
        return 1
    out = OUT if chosen.out == shipped else chosen.out
    everything = {
        each.reference: refit(model, each, np.ones(len(each.score), bool), artefact.ridge(), artefact.sample)
        for each, model in known
    }
    write_artefact(artefact, everything, _told(known, verdict), out)
    console.print(f"written to {out}: serve it with --artefacts {out}, or copy it over the directory that is served")
    return 0


def _contest(artefact: Artefact, known: list[tuple[Labelled, Model]], console: Console) -> Comparison:
    """Compare challengers, fitted without the held-out labels, with what they would replace; show the table."""
    shown = Table(*_COLUMNS, title="Champion and challenger on held-out labels (mean squared error)")
    errors = []
    for each, champion in known:
        challenger = refit(champion, each, ~each.held_out, artefact.ridge(), artefact.sample)
        pair = compare(each, champion, challenger)
        errors.append(pair)
        found = comparison(*pair)
        shown.add_row(
            each.reference,
            ", ".join(each.tiers),
            f"{len(each.score):,}",
            f"{found.labels:,}",
            f"{each.score.mean():.3f}",
            f"{champion.prior:.3f} → {challenger.prior:.3f}",
            *_cells(found),
        )
    verdict = comparison(*(np.concatenate(side) for side in zip(*errors, strict=True)))
    total = sum(len(each.score) for each, _ in known)
    shown.add_row("all", "", f"{total:,}", f"{verdict.labels:,}", "", "", *_cells(verdict), style="bold")
    console.print(shown)
    console.print(_in_words(verdict))
    return verdict


def _cells(found: Comparison) -> tuple[str, str, str]:
    if found.labels < 2:
        return "–", "–", "–"
    return f"{found.champion:.4f}", f"{found.challenger:.4f}", f"{found.gain_low:+.4f}"


def _in_words(verdict: Comparison) -> str:
    if verdict.labels < LEAST_HELD_OUT:
        return f"Not decided: {verdict.labels} labels are held out, and {LEAST_HELD_OUT} are the least that decide."
    if verdict.is_promoted:
        return f"Promoted: better, and with 95 % confidence no worse than by {MARGIN:g}."
    if verdict.challenger >= verdict.champion:
        return "Not promoted: the challenger is no better on the held-out labels."
    return f"Not promoted: it may be worse by more than {MARGIN:g} (95 % confidence). More labels would tell."


def _told(known: list[tuple[Labelled, Model]], verdict: Comparison) -> dict[str, object]:
    """Return what the manifest says of where the abilities come from."""
    digest = hashlib.sha256()
    for each, _ in known:
        for column in (each.latent, each.score):
            digest.update(column.tobytes())
    return {
        "labels": sum(len(each.score) for each, _ in known),
        "sha256": digest.hexdigest(),
        "held_out": verdict.labels,
        "error_champion": round(verdict.champion, 5),
        "error_challenger": round(verdict.challenger, 5),
        "promoted": verdict.is_promoted,
    }
