"""Write a verifier into a difficulty model's artefact, whose table of word pieces it reads."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from gateway.core.pair_features import PAIR_FEATURES_VERSION
from gateway.core.question import QUESTION_VERSION
from router_models.beside import MANIFEST, VERIFIER
from router_models.data import DataError
from router_models.export import npz
from router_models.verifier.fit import Verifier
from router_models.verifier.pairs import LICENCES
from router_models.verifier.space import Space

FORMAT: Final = 1


def verifier_bytes(verifier: Verifier, space: Space, static: str, encoder: str = "") -> bytes:
    """Return the file: numbers derived from questions, no text. `static` is the SHA-256 of the table they rest on.

    `encoder` is that of the weights of the encoder whose cosines it reads; empty for the table's own.
    """
    reads = {"encoder": np.frombuffer(encoder.encode(), np.uint8)} if encoder else {}
    return npz(
        {
            "versions": np.array([FORMAT, QUESTION_VERSION, PAIR_FEATURES_VERSION], np.int32),
            "static": np.frombuffer(static.encode(), np.uint8),
            **reads,
            "piece_weights": space.weights,
            "projection": space.projection,
            **verifier.trees.arrays(),
            "slope": np.array(verifier.slope),
            "offset": np.array(verifier.offset),
            "edges": np.array(verifier.counts.edges, np.float64),
            "counts_right": np.array(verifier.counts.right, np.int32),
            "counts_wrong": np.array(verifier.counts.wrong, np.int32),
        }
    )


def write_verifier(directory: Path, raw: bytes, name: str = VERIFIER) -> None:
    """Put the file beside the difficulty model and into its manifest, the manifest last. Raises DataError."""
    path = directory / MANIFEST
    if not path.is_file():
        raise DataError(f"{path} is not there: a verifier stands beside a difficulty model")
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] = hashlib.sha256(raw).hexdigest()
    manifest["verifier"] = {"created": datetime.now(UTC).date().isoformat(), "sources": list(LICENCES)}
    (directory / name).write_bytes(raw)
    path.write_bytes((json.dumps(manifest, indent=2) + "\n").encode())
