"""Difficulty models to swap in: the packaged one with another version and other abilities."""

import hashlib
import json
import shutil
from functools import cache
from pathlib import Path

from gateway.adapters.artefact import MANIFEST, REFERENCES, Artefact, load_artefact, shipped_artefact


@cache
def packaged() -> Artefact:
    """Load the packaged one, once: it takes a third of a second, and nothing in it can be changed."""
    return load_artefact(shipped_artefact())


def write_variant(folder: Path, version: str, *, shift: float = 0.0, without: str = "") -> Path:
    """Write the packaged model into a folder, its intercepts shifted, and one of its references gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in shipped_artefact().iterdir():
        if path.is_file() and path.name not in (MANIFEST, REFERENCES):
            shutil.copyfile(path, folder / path.name)
    references = json.loads((shipped_artefact() / REFERENCES).read_bytes())
    for each in references:
        each["intercept"] += shift
        if each["name"] == without:
            each |= {"name": "another-model", "aliases": []}
    raw = json.dumps(references).encode()
    (folder / REFERENCES).write_bytes(raw)
    manifest = json.loads((shipped_artefact() / MANIFEST).read_bytes())
    manifest["version"] = version
    manifest["files"][REFERENCES] = hashlib.sha256(raw).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder
