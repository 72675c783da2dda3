"""The encoder's folder in an artefact's directory."""

from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.artefact import ArtefactError, load_artefact
from gateway.adapters.encoder_artefact import EncoderFiles, load_encoder
from tests.support.encoder_folders import artefact_with_encoder, write_manifest
from tests.support.vocabularies import small_vocabulary


def load(directory: Path) -> EncoderFiles | None:
    return load_encoder(directory, load_artefact(directory))


def loaded(directory: Path) -> EncoderFiles:
    found = load(directory)
    assert found is not None
    return found


def test_without_the_folder_there_is_no_encoder(tmp_path: Path) -> None:
    assert load_encoder(tmp_path, load_artefact(artefact_with_encoder(tmp_path))) is not None
    assert load_encoder(tmp_path / "elsewhere", load_artefact(tmp_path)) is None


def test_an_encoder_has_a_name_and_a_vocabulary(tmp_path: Path) -> None:
    encoder = loaded(artefact_with_encoder(tmp_path))
    assert encoder.name == "toy-1"
    assert encoder.pieces.first == small_vocabulary().index("[CLS]")


@pytest.mark.parametrize(
    ("models", "cpu", "cuda"),
    [
        (("model.fp32.onnx",), "model.fp32.onnx", "model.fp32.onnx"),
        (("model.fp32.onnx", "model.int8.onnx", "model.fp16.onnx"), "model.int8.onnx", "model.fp16.onnx"),
    ],
)
def test_each_device_has_the_file_that_suits_it(tmp_path: Path, models: tuple[str, ...], cpu: str, cuda: str) -> None:
    encoder = loaded(artefact_with_encoder(tmp_path, models))
    assert encoder.model_for("cpu").name == cpu
    assert encoder.model_for("cuda").name == cuda


def test_a_device_without_a_file_is_told(tmp_path: Path) -> None:
    encoder = loaded(artefact_with_encoder(tmp_path, ("model.int8.onnx",)))
    with pytest.raises(ArtefactError, match=r"lists no model for cuda \(model.fp16.onnx or model.fp32.onnx\)"):
        encoder.model_for("cuda")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 2}, "has format 2, but this gateway reads 1"),
        ({"space": "0" * 64}, "belongs to another difficulty model"),
        ({"latent": 3}, "belongs to another difficulty model"),
        ({"adds": {"folded": [1.0]}}, "deviations a stage"),
        ({"adds": {"static": [-1.0] * 8}}, "deviations a stage"),
        ({"name": 3}, "is no manifest of an encoder"),
        ({"files": {}}, "does not list vocab.txt"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    artefact_with_encoder(tmp_path, **changes)
    with pytest.raises(ArtefactError, match=told):
        load(tmp_path)


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    encoder = loaded(artefact_with_encoder(tmp_path))
    with (tmp_path / "encoder" / "model.fp32.onnx").open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(ArtefactError, match=r"model.fp32.onnx: was changed: its SHA-256 is"):
        encoder.model_for("cpu")
    (tmp_path / "encoder" / "model.fp32.onnx").unlink()
    with pytest.raises(ArtefactError, match=r"model.fp32.onnx: cannot be read"):
        encoder.model_for("cpu")


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    (tmp_path / "encoder" / "manifest.json").unlink()
    with pytest.raises(ArtefactError, match=r"manifest.json: cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"a\nb\n", b"\xff"])
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = artefact_with_encoder(tmp_path) / "encoder"
    (folder / "vocab.txt").write_bytes(content)
    write_manifest(folder, ["vocab.txt", "model.fp32.onnx"])
    with pytest.raises(ArtefactError, match=r"vocab.txt: is no vocabulary"):
        load(tmp_path)
