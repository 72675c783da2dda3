"""What stands beside a difficulty model though another command makes it: the verifier of semantic hits.

It rests on the model's table of word pieces, so it stays in an artefact only while that table does.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

MANIFEST: Final = "manifest.json"
VERIFIER: Final = "verifier.npz"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a manifest says of a verifier (`digest`, and `told`), and the digest of the table that it rests on."""

    digest: str
    told: Any
    table: str


def verifier_beside(directory: Path) -> Beside | None:
    """Return the verifier that an artefact lists, None where it lists none or there is no artefact."""
    path = directory / MANIFEST
    manifest = json.loads(path.read_bytes()) if path.is_file() else {"files": {}}
    if VERIFIER not in manifest["files"]:
        return None
    with np.load(directory / VERIFIER, allow_pickle=False) as arrays:
        return Beside(manifest["files"][VERIFIER], manifest["verifier"], arrays["static"].tobytes().decode())
