"""Write a calibrated model as the artefact that the gateway serves: folded, small, and checkable."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.features import FEATURE_VERSION, SCALAR_NAMES
from gateway.domain.usage import tokens_in
from router_models.calibrate import Calibrated
from router_models.data import LICENCES, Floats, Outcomes, read_references
from router_models.design import Vocabulary
from router_models.low_rank import LowRank
from router_models.train import Trained

ARTEFACT_FORMAT: Final = 1
NAME: Final = "folded"
VERSION: Final = "1"
Arrays = Mapping[str, NDArray[np.generic]]


def shipped_directory() -> Path:
    """Return where the artefact lies that ships with the package."""
    return Path(__file__).with_name("artifacts")


def folded_arrays(vocabulary: Vocabulary, model: LowRank, calibrated: Calibrated) -> dict[str, NDArray[np.generic]]:
    """Fold weights, standardisation, centring and scaling into one row per word, one per scalar, and an offset.

    A word's row: its share in each latent number, its squared weight (for the text's length), and 1 (known words).
    """
    spread, centre = calibrated.spread.astype(np.float64), calibrated.centre.astype(np.float64)
    weights = vocabulary.weights.astype(np.float64)
    rows = np.column_stack([weights[:, None] * model.words / spread, weights**2, np.ones(len(weights))])
    scalar_weights = model.scalars / vocabulary.scalar_spread[:, None].astype(np.float64) / spread
    offset = -(centre / spread) - vocabulary.scalar_mean.astype(np.float64) @ scalar_weights
    return {
        "words": np.frombuffer(b"\n".join(vocabulary.words), np.uint8),
        "rows": rows.astype(np.float32),
        "scalar_weights": scalar_weights.astype(np.float32),
        "offset": offset.astype(np.float32),
    }


def expected_output_tokens(outcomes: Outcomes, calibrated: Calibrated) -> list[int]:
    """Return each reference's mean answer length over the calibration sample.

    Models answered different data sets, so a model's length is taken as a ratio to the mean of the data sets it
    answered, times the sample's mean. Where no answer has a known length, the ratio is 1.
    """
    tokens, known = np.nan_to_num(outcomes.output_tokens), ~np.isnan(outcomes.output_tokens)
    known &= ~outcomes.where(split="test")[:, None]
    datasets = np.array([query.dataset for query in outcomes.queries])
    overall = float(tokens[known].mean()) if known.any() else 1.0
    usual = np.full(len(datasets), overall)
    for dataset in sorted(set(datasets)):
        here = datasets == dataset
        if known[here].any():
            usual[here] = tokens[here][known[here]].mean()
    ours = (tokens * known).sum(axis=0)
    theirs = (usual[:, None] * known).sum(axis=0)
    ratios = np.divide(ours, theirs, out=np.ones_like(theirs), where=theirs > 0)
    return [max(1, round(float(ratio * usual[calibrated.sample].mean()))) for ratio in ratios]


def write_artefact(
    directory: Path, outcomes: Outcomes, trained: Trained, calibrated: Calibrated, metrics: Mapping[str, float]
) -> int:
    """Write every file of an artefact and return their size in bytes."""
    folded = folded_arrays(trained.fitted.vocabulary, trained.fitted.model, calibrated)
    files = {
        "folded.npz": _npz(folded),
        "references.json": _references(outcomes, calibrated),
        "calibration.npz": _npz(_sample(outcomes, trained, calibrated)),
    }
    manifest = {
        "name": NAME,
        "version": VERSION,
        "format": ARTEFACT_FORMAT,
        "feature_version": FEATURE_VERSION,
        "latent": trained.settings.latent,
        "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        "training_data_sha256": outcomes.digest,
        "seed": trained.seed,
        "settings": asdict(trained.settings),
        "between_task_deviation": round(trained.between_tasks**0.5, 4),
        "words": len(trained.fitted.vocabulary.words),
        "scalars": list(SCALAR_NAMES),
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "created": datetime.now(UTC).date().isoformat(),
        "sources": list(LICENCES.values()),
    }
    directory.mkdir(parents=True, exist_ok=True)
    files["manifest.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    for name, raw in files.items():
        (directory / name).write_bytes(raw)
    return sum(map(len, files.values()))


def _references(outcomes: Outcomes, calibrated: Calibrated) -> bytes:
    table = read_references()
    lengths = expected_output_tokens(outcomes, calibrated)
    rows = [
        {
            "name": ability.reference,
            "intercept": ability.intercept,
            "loadings": ability.loadings,
            "standard_error": ability.standard_error,
            "prior": ability.prior,
            "tasks": ability.tasks,
            "aliases": table.get(ability.reference, []),
            "expected_output_tokens": length,
        }
        for ability, length in zip(calibrated.abilities, lengths, strict=True)
    ]
    return b"[\n" + b",\n".join(json.dumps(row).encode() for row in rows) + b"\n]\n"


def _sample(outcomes: Outcomes, trained: Trained, calibrated: Calibrated) -> Arrays:
    """Return what is kept of the calibration queries: numbers derived from them, no text and no outcome."""
    design = trained.fitted.design
    latent: Floats = calibrated.latent(design)[calibrated.sample]
    tokens = [tokens_in(len(outcomes.queries[at].prompt.encode())) for at in calibrated.sample]
    return {
        "latent": latent,
        "familiarity": design.familiarity[calibrated.sample],
        "input_tokens": np.array(tokens, np.int32),
    }


def _npz(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
