"""Write a calibrated model as the artefact that the gateway serves: folded, small, and checkable."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.features import FEATURE_VERSION, SCALAR_NAMES
from gateway.domain.usage import tokens_in
from router_models.beside import MANIFEST, verifiers_beside
from router_models.calibrate import Calibrated
from router_models.cells import cells_of
from router_models.data import LICENCES, Floats, Outcomes, read_references
from router_models.router import GROUND_SCALARS, POOLS_BY, STATIC_BY, Router, Rows, Stage
from router_models.scientific import Doubles
from router_models.texts import Reader
from router_models.train import Trained

ARTEFACT_FORMAT: Final = 5
NAME: Final = "difficulty"
VERSION: Final = "3"
GRADED_LEVELS: Final = 250
"""A graded score is kept as a whole number of this many parts, so right and wrong are exact and the rest to 0.002."""
NOT_GRADED: Final = 255
STATIC: Final = "static.npz"
Arrays = Mapping[str, NDArray[np.generic]]


def shipped_directory() -> Path:
    """Return where the artefact lies that ships with the package."""
    return Path(__file__).with_name("artifacts")


def folded_arrays(router: Router) -> Arrays:
    """Fold weights, standardisation and calibration into one row per word, one per scalar, and an offset.

    A word's row: its share in each latent number, its squared weight (for the text's length), and 1 (known words).
    """
    vocabulary = router.vocabulary
    weights = vocabulary.weights.astype(np.float64)
    words, scalars, offset = _folded(router, Stage.FOLDED)
    rows = np.column_stack([words, weights**2, np.ones(len(weights))])
    return {
        "words": np.frombuffer(b"\n".join(vocabulary.words), np.uint8),
        "rows": rows.astype(np.float32),
        "scalar_weights": scalars.astype(np.float32),
        "offset": offset.astype(np.float32),
        "spread": (_adds(router, Stage.FOLDED, Stage.STATIC)).astype(np.float32),
    }


def static_arrays(router: Router, reader: Reader, seed: int) -> Arrays:
    """Return what the static stage adds: its own rows for the same words, the table of pieces, ground and
    the texts whose outcomes are known."""
    words, scalars, offset = _folded(router, Stage.STATIC)
    model = router.stages[Stage.STATIC]
    start, end = len(SCALAR_NAMES), len(SCALAR_NAMES) + reader.table.table.shape[1]
    ground = router.ground.dense.astype(np.float64)
    mean, spread = (each[:GROUND_SCALARS].astype(np.float64) for each in _standard(router))
    slopes = ground[:-1] / spread[:, None]
    table, unit = quantised(reader.table.table)
    return {
        "rows": words.astype(np.float16),
        "scalar_weights": scalars.astype(np.float32),
        "offset": offset.astype(np.float32),
        "vector_weights": (model.head.dense[start:end] * model.factor * STATIC_BY).astype(np.float32),
        "ground_weights": slopes.astype(np.float32),
        "ground_offset": (ground[-1] - mean @ slopes).astype(np.float32),
        "table": table,
        "table_unit": unit,
        **_known(router, Stage.STATIC, seed, ""),
        **_beside_the_encoder(router, seed),
    }


def _known(router: Router, stage: Stage, seed: int, prefix: str) -> Arrays:
    """Return the known texts of a stage cell by cell, nothing of them but numbers, and how far they are believed."""
    known, near = router.known[stage], router.stages[stage].near
    cells = cells_of(known.vectors, seed)
    vectors, vector_unit = quantised(known.vectors[cells.order])
    # The columns of the steps have a unit each, for a mean of many steps is taken.
    steps, step_unit = quantised(np.ascontiguousarray(known.steps[cells.order].T))
    return {
        f"{prefix}band": np.array([known.low, known.high, near], np.float64),
        f"{prefix}known_centres": cells.centres,
        f"{prefix}known_starts": cells.starts,
        f"{prefix}known_vectors": vectors,
        f"{prefix}known_vector_unit": vector_unit,
        f"{prefix}known_steps": np.ascontiguousarray(steps.T),
        f"{prefix}known_step_unit": step_unit,
    }


def _beside_the_encoder(router: Router, seed: int) -> Arrays:
    """Return what words, shape and known texts add to the encoder's own position; nothing without an encoder."""
    if Stage.ENCODER not in router.stages:
        return {}
    words, scalars, offset = _folded(router, Stage.ENCODER)
    return {
        "encoder_rows": words.astype(np.float16),
        "encoder_scalar_weights": scalars.astype(np.float32),
        "encoder_offset": offset.astype(np.float32),
        **_known(router, Stage.ENCODER, seed, "encoder_"),
    }


def encoder_arrays(router: Router, reader: Reader) -> Arrays:
    """Return the encoder's heads: from its pools, each of length 1, to the latent position and to the vector."""
    model = router.stages[Stage.ENCODER]
    dense = model.head.dense[len(SCALAR_NAMES) : -1].astype(np.float64) * model.factor
    weights = dense * POOLS_BY / reader.scale[:, None].astype(np.float64)
    axes = reader.space.axes
    return {
        "latent_weight": weights.astype(np.float32),
        "latent_bias": (-(reader.mean.astype(np.float64) @ weights)).astype(np.float32),
        "vector_weight": axes,
        "vector_bias": (-(reader.space.centre @ axes)).astype(np.float32),
        "adds_folded": _adds(router, Stage.FOLDED, Stage.ENCODER).astype(np.float32),
        "adds_static": _adds(router, Stage.STATIC, Stage.ENCODER).astype(np.float32),
    }


def quantised(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return rows as whole numbers up to 127, and the unit of each row."""
    unit: Floats = (np.maximum(np.abs(rows).max(axis=1), np.float32(1e-9)) / 127).astype(np.float32)
    return np.rint(rows / unit[:, None]).astype(np.int8), unit


def _standard(router: Router) -> tuple[Floats, Floats]:
    return router.vocabulary.scalar_mean, router.vocabulary.scalar_spread


def _folded(router: Router, stage: Stage) -> tuple[Doubles, Doubles, Doubles]:
    """Return a stage's words x K, scalars x K and K, for words that count 1 and scalars as they are measured."""
    model = router.stages[stage]
    dense = model.head.dense.astype(np.float64) * model.factor
    mean, spread = _standard(router)
    words = router.vocabulary.weights[:, None].astype(np.float64) * model.head.words * model.factor
    scalars = dense[: len(SCALAR_NAMES)] / spread[:, None].astype(np.float64)
    return words, scalars, dense[-1] - mean.astype(np.float64) @ scalars


def _adds(router: Router, stage: Stage, later: Stage) -> Doubles:
    """Return, per coordinate, the standard deviation of what a later stage adds on texts that neither was fitted on."""
    step: Doubles = (router.latent(router.tune, later) - router.latent(router.tune, stage)).astype(np.float64)
    return np.asarray(step.std(axis=0), np.float64)


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


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of an artefact, with the encoder's heads, and whether it had verifiers that it cannot keep."""

    size_bytes: int
    lost_verifier: bool


def write_artefact(
    directory: Path,
    outcomes: Outcomes,
    trained: Trained,
    calibrated: Calibrated,
    reader: Reader,
    metrics: Mapping[str, float],
) -> Written:
    """Write every file of an artefact; verifiers that are there stay, if they rest on the table that is written."""
    router = trained.router
    files = {
        "folded.npz": npz(folded_arrays(router)),
        STATIC: npz(static_arrays(router, reader, trained.seed)),
        "vocab.txt": "".join(f"{piece}\n" for piece in reader.vocabulary).encode(),
        "references.json": _references(outcomes, calibrated),
        "calibration.npz": npz(_positions(outcomes, calibrated, calibrated.sample)),
        "graded.npz": npz(graded_arrays(outcomes, calibrated)),
    }
    if Stage.ENCODER in router.stages:
        files["encoder_heads.npz"] = npz(encoder_arrays(router, reader))
    digests = {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()}
    verifiers = verifiers_beside(directory)
    manifest = {
        "name": NAME,
        "version": VERSION,
        "format": ARTEFACT_FORMAT,
        "feature_version": FEATURE_VERSION,
        "latent": trained.settings.latent,
        "files": digests,
        "training_data_sha256": outcomes.digest,
        "seed": trained.seed,
        "settings": asdict(trained.settings),
        "between_task_deviation": round(trained.between_tasks**0.5, 4),
        "words": len(router.vocabulary.words),
        "scalars": list(SCALAR_NAMES),
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "created": datetime.now(UTC).date().isoformat(),
        "sources": list(LICENCES.values()),
    }
    keeps = verifiers is not None and verifiers.table == digests[STATIC]
    if verifiers is not None and keeps:
        manifest["files"] = {**digests, **verifiers.files}
        manifest["verifier"] = verifiers.told
    directory.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (directory / name).write_bytes(raw)
    # Last, since whoever watches for a new model reads this first.
    (directory / MANIFEST).write_bytes((json.dumps(manifest, indent=2) + "\n").encode())
    return Written(sum(map(len, files.values())), verifiers is not None and not keeps)


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


def graded_arrays(outcomes: Outcomes, calibrated: Calibrated) -> Arrays:
    """Return where the queries of the test split lie, and how each reference's answer to them was graded.

    No weight, map or setting was fitted or chosen on them, so a policy's certificates may rest on them; and for that
    reason how well a policy keeps its promise must be judged on other queries.
    """
    at = np.flatnonzero(outcomes.where(split="test") & outcomes.seen.any(axis=1))
    levels = np.where(outcomes.seen[at], np.rint(outcomes.score[at] * GRADED_LEVELS), NOT_GRADED)
    return {**_positions(outcomes, calibrated, at), "levels": levels.astype(np.uint8)}


def _positions(outcomes: Outcomes, calibrated: Calibrated, at: Rows) -> Arrays:
    """Return what is kept of queries: numbers derived from them, no text."""
    router = calibrated.router
    queries = [outcomes.queries[row] for row in at]
    tasks = sorted({query.task for query in queries})
    return {
        # Half precision: positions are of the order of one, and a thousandth moves no decision that matters.
        "latent": router.latent(at, calibrated.stage).astype(np.float16),
        "familiarity": router.familiarity(at),
        "input_tokens": np.array([tokens_in(len(query.prompt.encode())) for query in queries], np.int32),
        "task": np.array([tasks.index(query.task) for query in queries], np.uint8),
        "tasks": np.frombuffer("\n".join(tasks).encode(), np.uint8),
    }


def npz(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
