"""Artefacts with an encoder: the shipped one, and beside it a toy in its latent space."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.adapters.artefact import TABLE, shipped_artefact
from tests.support.artefacts import packaged
from tests.support.toy_encoders import write_toy_encoder
from tests.support.vocabularies import small_vocabulary


def write_manifest(folder: Path, names: Sequence[str], **changes: Any) -> None:
    """Write the manifest of a folder's files, with these members changed."""
    manifest = packaged().manifest
    members = {
        "name": "toy",
        "version": "1",
        "format": 1,
        "latent": manifest.latent,
        "space": manifest.files[TABLE],
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        "adds": {stage: [1.0] * manifest.latent for stage in ("folded", "static")},
    }
    (folder / "manifest.json").write_bytes(msgspec.json.encode(members | changes))


def artefact_with_encoder(directory: Path, models: Sequence[str] = ("model.fp32.onnx",), **changes: Any) -> Path:
    """Copy the shipped artefact into a directory, with a toy encoder, and return the directory."""
    for file in shipped_artefact().iterdir():
        if file.is_file():
            shutil.copyfile(file, directory / file.name)
    folder = directory / "encoder"
    folder.mkdir()
    vocabulary = small_vocabulary()
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    latent = packaged().manifest.latent
    for model in models:
        write_toy_encoder(folder / model, vocabulary=len(vocabulary), latent=latent)
    write_manifest(folder, ["vocab.txt", *models], **changes)
    return directory
