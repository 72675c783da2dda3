"""The encoder's folder in an artefact's directory: which files there are, and that its manifest names them.

    encoder/manifest.json     name, version, width and name of the latent space, what it adds, files with their SHA-256
    encoder/vocab.txt         the pieces, one a line
    encoder/model.int8.onnx   for the CPU
    encoder/model.fp16.onnx   for a GPU
    encoder/model.fp32.onnx   for either, where the one above is missing

The folder may be missing, and so may models: a gateway that asks a remote scorer needs the vocabulary alone.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from gateway.adapters.artefact import MANIFEST, TABLE, Artefact, ArtefactError
from gateway.core.wordpiece import WordPieces

FOLDER: Final = "encoder"
ENCODER_FORMAT: Final = 1
VOCABULARY: Final = "vocab.txt"
WEIGHTS: Final = "model.safetensors"
"""What the models were made of; not in the folder."""
MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": ("model.int8.onnx", "model.fp32.onnx"),
    "cuda": ("model.fp16.onnx", "model.fp32.onnx"),
}
"""By device, the best first. Quantised to int8 most of the work falls to the CPU, so such a file is not for a GPU."""

_RENEW: Final = "Write the encoder again: python -m router_models encoder build"


class EncoderManifest(msgspec.Struct, frozen=True):
    """What the gateway needs of the encoder's manifest.

    `space` is the SHA-256 of the word table that spans the latent space: an encoder speaks of that space alone. `adds`
    has, by the stage before (`folded`, `static`), per latent number the standard deviation of what the encoder adds.
    `embedding` is the length of its vectors, and `weights_sha256` names what they are made by, file by file.
    """

    name: str
    version: str
    format: int
    latent: int
    space: str
    files: dict[str, str]
    adds: dict[str, tuple[float, ...]] = {}
    embedding: int = 0
    weights_sha256: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """An encoder on disk that fits the difficulty model beside it."""

    directory: Path
    manifest: EncoderManifest
    pieces: WordPieces

    @property
    def name(self) -> str:
        """Name the scorer in receipts."""
        return f"{self.manifest.name}-{self.manifest.version}"

    def model_for(self, device: str) -> Path:
        """Return the checked file of the model for a device. Raises ArtefactError."""
        for name in MODELS[device]:
            if name in self.manifest.files:
                return _sound(self.directory / name, self.manifest)
        problem = f"lists no model for {device} ({' or '.join(MODELS[device])})"
        raise ArtefactError(self.directory / MANIFEST, problem, _RENEW)


def load_encoder(directory: Path, artefact: Artefact) -> EncoderFiles | None:
    """Read the encoder beside an artefact; None where there is none. Raises ArtefactError."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return None
    manifest = _manifest(folder / MANIFEST, artefact)
    try:
        vocabulary = _sound(folder / VOCABULARY, manifest).read_text("utf-8").removesuffix("\n").split("\n")
        pieces = WordPieces(vocabulary).mending()
    except ValueError as error:
        raise ArtefactError(folder / VOCABULARY, f"is no vocabulary ({error})", _RENEW) from error
    return EncoderFiles(folder, manifest, pieces)


def _manifest(path: Path, artefact: Artefact) -> EncoderManifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=EncoderManifest)
    except OSError as error:
        raise ArtefactError(path, f"cannot be read ({error.strerror or error})", _RENEW) from error
    except msgspec.DecodeError as error:
        raise ArtefactError(path, f"is no manifest of an encoder ({error})", _RENEW) from error
    if manifest.format != ENCODER_FORMAT:
        problem = f"has format {manifest.format}, but this gateway reads {ENCODER_FORMAT}"
        raise ArtefactError(path, problem, _RENEW)
    width = artefact.manifest.latent
    if manifest.space != artefact.manifest.files[TABLE] or manifest.latent != width:
        raise ArtefactError(path, "belongs to another difficulty model than the one beside it", _RENEW)
    if any(len(spread) != width or min(spread) < 0.0 for spread in manifest.adds.values()):
        raise ArtefactError(path, f"says under `adds` something else than {width} deviations a stage", _RENEW)
    return manifest


def _sound(path: Path, manifest: EncoderManifest) -> Path:
    wanted = manifest.files.get(path.name)
    if wanted is None:
        raise ArtefactError(path.parent / MANIFEST, f"does not list {path.name}", _RENEW)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtefactError(path, f"cannot be read ({error.strerror or error})", _RENEW) from error
    if found != wanted:
        problem = f"was changed: its SHA-256 is {found[:12]}…, the manifest says {wanted[:12]}…"
        raise ArtefactError(path, problem, _RENEW)
    return path
