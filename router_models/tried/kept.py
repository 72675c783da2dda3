"""What alternatives say of tested texts, kept on disk beside the shipped fits: a run that was stopped goes on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from router_models.router import Rows
from router_models.scientific import Doubles
from router_models.tried import heads
from router_models.tried.attempt import Cost
from router_models.tried.heads import Alternative
from router_models.workbench import Bench

FORMAT: Final = 1
"""To be raised when an alternative changes in a way that no constant shows."""


@dataclass(frozen=True, slots=True)
class Said:
    """Chances of the tested texts, texts x models, and what the router that gave them would take."""

    chances: Doubles
    cost: Cost


def said(bench: Bench, each: Alternative, where: str, training: Rows, score: Doubles, tested: Rows) -> Said:
    """Fit an alternative and ask it, unless that was done before on the same. `where` names the texts for a note."""
    path = _path(bench.fits.directory, each.name, training, score, tested)
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Said(kept["chances"], Cost(int(kept["size_bytes"]), float(kept["serving_ms"])))
    bench.note(f"{where}: {each.name}")
    fitted = each.fit(training, score)
    found = Said(fitted.chances(tested), fitted.cost(tested))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            chances=found.chances,
            size_bytes=found.cost.size_bytes,
            serving_ms=found.cost.serving_ms or 0.0,
        )
    unfinished.replace(path)
    return found


def _path(directory: Path, name: str, training: Rows, score: Doubles, tested: Rows) -> Path:
    constants = {key: str(value) for key, value in sorted(vars(heads).items()) if key.isupper()}
    told = hashlib.sha256(json.dumps([FORMAT, name, constants], sort_keys=True).encode())
    for part in (training.astype("<i8"), tested.astype("<i8"), score.astype("<f8")):
        told.update(part.size.to_bytes(8) + part.tobytes())
    return directory / "tried" / f"{told.hexdigest()[:16]}.npz"
