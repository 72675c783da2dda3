"""Learn abilities anew from the training records of a gateway, on the latent space as it is.

    records ─ labels by reference ─┬─ 70 % ─ refit ─ challenger ─┐
                                   └─ 30 % held out ─────────────┴─ better, and surely not worse? ─ refit on all

Positions stay, so what was learnt of words stays; only how good each model is (b, a) moves, held by a ridge to what it
was. A label is learnt by the reference that its tier named, since that is what the policy looks up.
"""

import base64
import binascii
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from router_models.data import DataError
from router_models.scientific import Doubles, logistic

MANIFEST: Final = "manifest.json"
REFERENCES: Final = "references.json"
CALIBRATION: Final = "calibration.npz"
SPACE_FILE: Final = "folded.npz"
"""What gives a request its position: its digest names the space that records must be of."""
HELD_OUT_PERCENT: Final = 30
LEAST_HELD_OUT: Final = 30
"""Fewer held-out labels than this decide nothing."""
MARGIN: Final = 0.005
"""Half a point: how much worse (mean squared error of the predicted acceptance) a challenger may be at most."""
Z_95: Final = 1.6448536269514722
NEWTON_STEPS: Final = 25
STEP_MAX: Final = 1.0
"""Logits per step: far from the root the curvature is too small to be trusted."""
LEAST_SPREAD: Final = 0.05
"""Where all references have nearly the same loading, a model's own may still differ by so much."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of one reference: positions (labels x K), familiarity, outcomes, and which are held out."""

    reference: str
    tiers: tuple[str, ...]
    latent: Doubles
    familiarity: Doubles
    score: Doubles
    held_out: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Model:
    """A reference's ability as numbers."""

    intercept: float
    loadings: Doubles
    standard_error: float
    prior: float

    def accepted(self, latent: Doubles, familiarity: Doubles) -> Doubles:
        """Return P(acceptable) as the gateway computes it."""
        modelled: Doubles = logistic(latent @ self.loadings + self.intercept)
        mixed: Doubles = familiarity * modelled + (1.0 - familiarity) * self.prior
        return mixed


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger on held-out labels: mean squared errors, and the bound of what the challenger gains."""

    labels: int
    champion: float
    challenger: float
    gain_low: float
    """One-sided 95 % lower bound of the champion's error less the challenger's."""

    @property
    def is_promoted(self) -> bool:
        """Tell whether the challenger is better on the held-out labels, and surely no worse than by the margin."""
        enough = self.labels >= LEAST_HELD_OUT
        return enough and self.challenger < self.champion and self.gain_low > -MARGIN


@dataclass(frozen=True, slots=True)
class Artefact:
    """As much of an artefact as is learnt anew; the rest of its files are copied."""

    folder: Path
    manifest: dict[str, Any]
    references: list[dict[str, Any]]
    sample: Doubles

    @property
    def space(self) -> str:
        """Return the name of the latent space."""
        return str(self.manifest["files"][SPACE_FILE])

    def model(self, reference: str) -> Model | None:
        """Return the ability of a reference."""
        for each in self.references:
            if each["name"] == reference:
                return Model(each["intercept"], np.array(each["loadings"]), each["standard_error"], each["prior"])
        return None

    def ridge(self) -> Doubles:
        """Return the precision with which intercept and loadings are held: how far references lie apart, inverted."""
        loadings = np.array([each["loadings"] for each in self.references], np.float64)
        spreads = np.maximum(loadings.std(axis=0), LEAST_SPREAD)
        between = max(float(self.manifest.get("between_task_deviation", 1.0)), LEAST_SPREAD)
        precision: Doubles = np.concatenate([[between**-2], spreads**-2])
        return precision


def read_artefact(folder: Path) -> Artefact:
    """Read what is learnt anew. Raises DataError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        references = json.loads((folder / REFERENCES).read_bytes())
        with np.load(io.BytesIO((folder / CALIBRATION).read_bytes()), allow_pickle=False) as arrays:
            known = arrays["familiarity"] > 0
            sample = arrays["latent"][known].astype(np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} holds no artefact ({error}). Name one with --artefact DIR.") from error
    return Artefact(folder, manifest, references, sample)


def read_records(folder: Path, space: str) -> tuple[list[Labelled], Mapping[str, int]]:
    """Read the labels of a directory of records, the last word on each request; count the rows by what became of them.

    Raises DataError when there are no records, or none that can be learnt from.
    """
    paths = sorted(folder.glob("*.jsonl")) + sorted(folder.glob("*/*.jsonl"))
    if not paths:
        raise DataError(f"{folder} holds no records (*.jsonl). Name the state directory of a gateway, or its records.")
    counts = {"labelled": 0, "without a label": 0, "of another space": 0, "not placed": 0, "unreadable": 0}
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _rows(paths, counts):
        kind = _kind(row, space)
        counts[kind] += 1
        if kind == "labelled":
            key = (str(row["tenant"]), str(row["request_id"]))
            if key not in last or last[key]["label_at_s"] <= row["label_at_s"]:
                last[key] = row
    by_reference: dict[str, list[dict[str, Any]]] = {}
    for row in last.values():
        by_reference.setdefault(str(row["reference"]), []).append(row)
    if not last:
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        raise DataError(f"{folder} holds no labels of this artefact ({told or 'no rows'}).")
    return [_labelled(name, rows) for name, rows in sorted(by_reference.items())], counts


def _rows(paths: Sequence[Path], counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                try:
                    row = json.loads(line)
                    base64.b64decode(row["embedding"], validate=True)
                    yield row
                except (ValueError, KeyError, TypeError, binascii.Error):
                    counts["unreadable"] += 1


def _kind(row: Mapping[str, Any], space: str) -> str:
    if row.get("label") is None or row.get("label_at_s") is None:
        return "without a label"
    if row.get("space") != space:
        return "of another space"
    return (
        "labelled" if row.get("latent") and row.get("familiarity", 0.0) > 0.0 and row.get("reference") else "not placed"
    )


def _labelled(reference: str, rows: Sequence[Mapping[str, Any]]) -> Labelled:
    return Labelled(
        reference=reference,
        tiers=tuple(sorted({str(row["tier"]) for row in rows})),
        latent=np.array([row["latent"] for row in rows], np.float64),
        familiarity=np.array([row["familiarity"] for row in rows], np.float64),
        score=np.array([row["label"] for row in rows], np.float64),
        held_out=np.array([_is_held_out(str(row["request_id"])) for row in rows]),
    )


def _is_held_out(request_id: str) -> bool:
    """Draw by the request's id, so that a label stays on its side however many come after it."""
    return hashlib.blake2b(request_id.encode(), digest_size=4).digest()[0] * 100 < 256 * HELD_OUT_PERCENT


def refit(model: Model, labelled: Labelled, chosen: NDArray[np.bool_], ridge: Doubles, sample: Doubles) -> Model:
    """Fit a reference's ability to the chosen labels, held to what it was: the most likely value under a normal prior.

    A label counts by its familiarity, as it does where the ability is used.
    """
    basis = np.column_stack([np.ones(int(chosen.sum())), labelled.latent[chosen]])
    weight, score = labelled.familiarity[chosen], labelled.score[chosen]
    start: Doubles = np.concatenate([[model.intercept], model.loadings])
    at, hessian = start.copy(), np.diag(ridge)
    for _ in range(NEWTON_STEPS):
        chance = logistic(basis @ at)
        slope = basis.T @ (weight * (score - chance)) - ridge * (at - start)
        hessian = (basis * (weight * chance * (1.0 - chance))[:, None]).T @ basis + np.diag(ridge)
        step = np.linalg.solve(hessian, slope)
        longest = float(np.abs(step).max())
        at = at + step * min(1.0, STEP_MAX / longest if longest > 0.0 else 1.0)
        if longest < 1e-9:
            break
    prior = float(logistic(sample @ at[1:] + at[0]).mean())
    return Model(float(at[0]), at[1:], float(np.sqrt(np.linalg.inv(hessian)[0, 0])), prior)


def compare(labelled: Labelled, champion: Model, challenger: Model) -> tuple[Doubles, Doubles]:
    """Return both models' squared errors on the held-out labels."""
    latent, known = labelled.latent[labelled.held_out], labelled.familiarity[labelled.held_out]
    score = labelled.score[labelled.held_out]
    return (score - champion.accepted(latent, known)) ** 2, (score - challenger.accepted(latent, known)) ** 2


def comparison(champion: Doubles, challenger: Doubles) -> Comparison:
    """Compare squared errors of the same labels, paired."""
    count = len(champion)
    if count < 2:
        nothing = float("-inf")
        return Comparison(count, float(champion.sum()), float(challenger.sum()), nothing)
    gain = champion - challenger
    low = float(gain.mean() - Z_95 * gain.std(ddof=1) / np.sqrt(count))
    return Comparison(count, float(champion.mean()), float(challenger.mean()), low)


def write_artefact(artefact: Artefact, refitted: Mapping[str, Model], told: Mapping[str, Any], out: Path) -> None:
    """Write the artefact with other abilities into a directory; the manifest last, since readers go by it."""
    references = [_written(each, refitted.get(each["name"])) for each in artefact.references]
    raw = (json.dumps(references, indent=1) + "\n").encode()
    digest = hashlib.sha256(raw).hexdigest()
    manifest = {
        **artefact.manifest,
        "version": f"{str(artefact.manifest['version']).partition('+')[0]}+{digest[:8]}",
        "files": {**artefact.manifest["files"], REFERENCES: digest},
        "records": dict(told),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name in artefact.manifest["files"]:
        if name != REFERENCES and out.resolve() != artefact.folder.resolve():
            shutil.copyfile(artefact.folder / name, out / name)
    for name, content in ((REFERENCES, raw), (MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())):
        fresh = out / f".{name}.new"
        fresh.write_bytes(content)
        os.replace(fresh, out / name)


def _written(reference: dict[str, Any], model: Model | None) -> dict[str, Any]:
    if model is None:
        return reference
    return {
        **reference,
        "intercept": round(model.intercept, 5),
        "loadings": [round(float(each), 5) for each in model.loadings],
        "standard_error": round(model.standard_error, 4),
        "prior": round(model.prior, 5),
    }
