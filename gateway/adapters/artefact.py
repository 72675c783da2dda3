"""Read a difficulty model from its directory, after checking that every file is the one its manifest names."""

import hashlib
import zipfile
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.adapters.npz import read_arrays
from gateway.adapters.static_artefact import STATIC, VOCABULARY, StaticModel, read_static
from gateway.adapters.verifier_artefact import ENCODER_VERIFIER, VERIFIER, VerifierModel, read_verifier
from gateway.core.features import FEATURE_VERSION, SCALAR_NAMES
from gateway.domain.ability import Ability, Score, unknown_score
from gateway.domain.calibration import CalibrationRequest, Catalogue, Graded

ARTEFACT_FORMAT: Final = 5
MANIFEST: Final = "manifest.json"
TABLE: Final = "folded.npz"
REFERENCES: Final = "references.json"
CALIBRATION: Final = "calibration.npz"
GRADED: Final = "graded.npz"
_NEEDED: Final = (TABLE, STATIC, VOCABULARY, REFERENCES, CALIBRATION, GRADED)
GRADED_LEVELS: Final = 250
"""A graded score is kept as a whole number of this many parts."""
NOT_GRADED: Final = 255

UNSTATED_DEVIATION: Final = 1.0
"""For an artefact that does not say how much kinds of task differ: a little more than has been measured."""

_RENEW: Final = "Reinstall the package, or write the artefact again: python -m router_models train"

Floats = NDArray[np.float32]


class ArtefactError(Exception):
    """An artefact cannot be used: `path` is the file at fault, the message says what is wrong and how to mend it."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}. {remedy}")
        self.path = path


class Manifest(msgspec.Struct, frozen=True):
    """What the gateway needs of `manifest.json`; the rest of it is for readers."""

    name: str
    version: str
    format: int
    feature_version: int
    latent: int
    files: dict[str, str]
    between_task_deviation: float = UNSTATED_DEVIATION
    """How far a model's offset on one kind of task lies from that on another: a standard deviation of logits."""


class _Reference(msgspec.Struct, frozen=True):
    name: str
    intercept: float
    loadings: tuple[float, ...]
    standard_error: float
    prior: float
    tasks: tuple[str, ...]
    aliases: tuple[str, ...]
    expected_output_tokens: int


@dataclass(frozen=True, slots=True)
class FoldedTable:
    """The model as it is served. `rows` holds, per word, `width` float32 numbers as bytes.

    They are the word's share in each of the K latent numbers, then its squared weight, then 1. `scalar_weights` is
    (number of scalars) x K, `offset` has K numbers; `adds` as many, the standard deviations of what the static stage
    adds.
    """

    scorer: str
    latent: int
    width: int
    rows: Mapping[bytes, bytes]
    scalar_weights: Floats
    offset: Floats
    adds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Artefact:
    """A difficulty model, checked and in memory; with verifiers of semantic hits, where such were trained for it."""

    manifest: Manifest
    catalogue: Catalogue
    table: FoldedTable
    static: StaticModel
    verifier: VerifierModel | None = None
    encoder_verifier: VerifierModel | None = None


def shipped_artefact() -> Path:
    """Return the directory of the model that comes with the package."""
    return Path(str(files("router_models"))) / "artifacts"


def load_artefact(directory: Path) -> Artefact:
    """Read and check the artefact in a directory. Raises ArtefactError."""
    manifest, digest = _read_manifest(directory / MANIFEST)
    sound = {name: _read_sound(directory / name, manifest) for name in _NEEDED}
    scorer = f"{manifest.name}-{manifest.version}"
    try:
        references = msgspec.json.decode(sound[REFERENCES], type=list[_Reference])
        table = _table(sound[TABLE], scorer, manifest.latent)
        static = read_static(sound[STATIC], sound[VOCABULARY], len(table.rows), manifest.latent)
        requests = _requests(sound[CALIBRATION], scorer)
        graded = _graded(sound[GRADED], [each.name for each in references], scorer)
        verifiers = [_verifier(directory, name, manifest, static) for name in (VERIFIER, ENCODER_VERIFIER)]
    except (msgspec.DecodeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _unreadable(directory, f"its files do not hold what they should ({error})") from error
    catalogue = Catalogue(
        references={each.name: _ability(each) for each in references},
        aliases={alias: each.name for each in references for alias in each.aliases},
        expected_output_tokens={each.name: each.expected_output_tokens for each in references},
        requests=requests,
        digest=digest,
        graded=graded,
        space=manifest.files[TABLE],
    )
    return Artefact(manifest, catalogue, table, static, *verifiers)


def _verifier(directory: Path, name: str, manifest: Manifest, static: StaticModel) -> VerifierModel | None:
    """Read a verifier that the manifest lists. One that was trained on another table of pieces is refused."""
    if name not in manifest.files:
        return None
    verifier = read_verifier(_read_sound(directory / name, manifest), *static.table.shape)
    if verifier.static != manifest.files[STATIC]:
        raise ArtefactError(
            directory / name,
            f"was trained on another {STATIC} than the one beside it",
            "Train it anew: python -m router_models verifier train",
        )
    return verifier


def _unreadable(path: Path, problem: str) -> ArtefactError:
    return ArtefactError(path, problem, _RENEW)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"cannot be read ({error.strerror or error})") from error


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    raw = _read(path)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise _unreadable(path, f"is no manifest ({error})") from error
    for what, found, wanted in (
        ("format", manifest.format, ARTEFACT_FORMAT),
        ("feature version", manifest.feature_version, FEATURE_VERSION),
    ):
        if found != wanted:
            raise ArtefactError(
                path,
                f"has {what} {found}, but this gateway reads {wanted}",
                "Use the artefact that came with this version, or train anew: python -m router_models train",
            )
    return manifest, hashlib.sha256(raw).hexdigest()


def _read_sound(path: Path, manifest: Manifest) -> bytes:
    if path.name not in manifest.files:
        raise _unreadable(path.parent / MANIFEST, f"does not list {path.name}")
    raw = _read(path)
    found = hashlib.sha256(raw).hexdigest()
    if found != manifest.files[path.name]:
        wanted = manifest.files[path.name]
        raise _unreadable(path, f"was changed: its SHA-256 is {found[:12]}…, the manifest says {wanted[:12]}…")
    return raw


def _ability(reference: _Reference) -> Ability:
    return Ability(
        reference=reference.name,
        intercept=reference.intercept,
        loadings=reference.loadings,
        standard_error=reference.standard_error,
        prior=reference.prior,
        tasks=reference.tasks,
    )


def _table(raw: bytes, scorer: str, latent: int) -> FoldedTable:
    arrays = read_arrays(raw)
    words = arrays["words"].tobytes().split(b"\n")
    matrix = np.ascontiguousarray(arrays["rows"], dtype=np.float32)
    scalar_weights = np.ascontiguousarray(arrays["scalar_weights"], dtype=np.float32)
    offset = np.ascontiguousarray(arrays["offset"], dtype=np.float32)
    adds: list[float] = arrays["spread"].tolist()
    width = latent + 2
    if matrix.shape != (len(words), width):
        raise ValueError(f"the word table is {matrix.shape}, not {(len(words), width)}")
    if scalar_weights.shape != (len(SCALAR_NAMES), latent) or offset.shape != (latent,):
        raise ValueError(f"the scalar weights are {scalar_weights.shape}, not {(len(SCALAR_NAMES), latent)}")
    if len(adds) != latent:
        raise ValueError(f"what the next stage adds has {len(adds)} numbers, not {latent}")
    rows = {word: row.tobytes() for word, row in zip(words, matrix, strict=True)}
    return FoldedTable(scorer, latent, width, rows, scalar_weights, offset, tuple(adds))


def _requests(raw: bytes, scorer: str) -> tuple[CalibrationRequest, ...]:
    arrays = read_arrays(raw)
    return _positions(arrays, scorer)


def _graded(raw: bytes, references: list[str], scorer: str) -> Graded:
    arrays = read_arrays(raw)
    requests = _positions(arrays, scorer)
    levels = arrays["levels"]
    if levels.shape != (len(requests), len(references)):
        raise ValueError(f"the graded answers are {levels.shape}, not {(len(requests), len(references))}")
    scores = np.where(levels == NOT_GRADED, np.nan, levels / GRADED_LEVELS).astype(np.float32)
    # Compact columns: a list of floats would take eight times the room in every worker.
    columns = {name: array("f", scores[:, at].tobytes()) for at, name in enumerate(references)}
    return Graded(requests, columns)


def _positions(arrays: Mapping[str, NDArray[np.generic]], scorer: str) -> tuple[CalibrationRequest, ...]:
    latents: list[list[float]] = arrays["latent"].tolist()
    known: list[float] = arrays["familiarity"].tolist()
    tokens: list[int] = arrays["input_tokens"].tolist()
    names = arrays["tasks"].tobytes().decode().split("\n")
    tasks = [names[at] for at in arrays["task"].tolist()]
    return tuple(
        CalibrationRequest(Score(tuple(latent), share, scorer) if share > 0.0 else unknown_score(scorer), count, task)
        for latent, share, count, task in zip(latents, known, tokens, tasks, strict=True)
    )
