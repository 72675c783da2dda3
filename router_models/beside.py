"""What stands beside a difficulty model though another command makes it: the verifiers of semantic hits.

They rest on the model's table of word pieces, so they stay in an artefact only while that table does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

MANIFEST: Final = "manifest.json"
VERIFIER: Final = "verifier.npz"
ENCODER_VERIFIER: Final = "encoder_verifier.npz"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a manifest says of verifiers (their `files`, and `told`), and the digest of the table that they rest on."""

    files: Mapping[str, str]
    told: Any
    table: str


def verifiers_beside(directory: Path) -> Beside | None:
    """Return the verifiers that an artefact lists, None where it lists none or there is no artefact."""
    path = directory / MANIFEST
    manifest = json.loads(path.read_bytes()) if path.is_file() else {"files": {}}
    files = {name: digest for name, digest in manifest["files"].items() if name in (VERIFIER, ENCODER_VERIFIER)}
    if not files:
        return None
    with np.load(directory / next(iter(files)), allow_pickle=False) as arrays:
        return Beside(files, manifest["verifier"], arrays["static"].tobytes().decode())
