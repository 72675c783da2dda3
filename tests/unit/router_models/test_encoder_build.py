"""The encoder's artefact on disk."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from router_models.data import DataError
from router_models.encoder_build import (
    FULL,
    HALF,
    HEADS,
    MANIFEST,
    SMALL,
    VOCABULARY,
    Manifest,
    build_encoder,
    read_adds,
    read_heads,
    space_beside,
)
from router_models.encoder_graph import POOLED, Heads
from router_models.encoder_run import EncoderRun, padded
from tests.support.numpy_encoder import small_weights

WEIGHTS = small_weights()
WIDTH = POOLED * WEIGHTS.width


def drawn() -> Heads:
    chance = np.random.default_rng(5)
    return Heads(*(chance.normal(size=shape).astype(np.float32) for shape in ((WIDTH, 3), 3, (WIDTH, 5), 5)))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    to = tmp_path_factory.mktemp("encoder") / "made"
    return to, build_encoder(to, WEIGHTS, drawn())


def test_every_file_is_in_the_manifest_with_its_hash(built: tuple[Path, Manifest]) -> None:
    to, manifest = built
    kept = json.loads((to / MANIFEST).read_text("utf-8"))
    assert kept["files"] == {
        name: hashlib.sha256((to / name).read_bytes()).hexdigest() for name in (FULL, HALF, SMALL, VOCABULARY, HEADS)
    }
    assert {path.name for path in to.iterdir()} == {*kept["files"], MANIFEST}
    assert (kept["latent"], kept["vector"], kept["embedding"]) == (3, 5, WEIGHTS.width)
    assert kept["weights_sha256"] == manifest.weights_sha256


def test_the_files_run_and_the_heads_come_back(built: tuple[Path, Manifest]) -> None:
    to, _ = built
    assert (to / VOCABULARY).read_text("utf-8").splitlines() == list(WEIGHTS.vocabulary)
    heads = read_heads(to / HEADS, WIDTH)
    for name, value in asdict(heads).items():
        np.testing.assert_array_equal(value, asdict(drawn())[name])
    for name in (FULL, HALF, SMALL):
        model = EncoderRun(to / name, threads=1)
        assert [each.shape for each in model.run(padded([[2, 7, 3]], 0))] == [(1, 3), (1, 5), (1, WEIGHTS.width)]
        assert model.providers == ("CPUExecutionProvider",)


def test_a_precision_that_says_something_else_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.int8\.onnx is not the encoder any more"):
        build_encoder(tmp_path / "made", WEIGHTS, drawn(), least={SMALL: 1.1})
    assert not (tmp_path / "made").exists()


def test_heads_without_a_bias_of_vectors_get_none(tmp_path: Path) -> None:
    path = tmp_path / "heads.npz"
    heads = drawn()
    arrays = {"latent_weight": heads.latent_weight, "latent_bias": heads.latent_bias}
    np.savez(path, allow_pickle=False, vector_weight=heads.vector_weight, **arrays)
    assert not read_heads(path, WIDTH).vector_bias.any()
    with pytest.raises(DataError, match=r"latent_weight is \(96, 3\), expected \(48, 3\)"):
        read_heads(path, 48)
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(DataError, match="lacks vector_weight"):
        read_heads(path, WIDTH)
    with pytest.raises(DataError, match=r"are not there\. Run: python -m router_models train"):
        read_heads(tmp_path / "absent.npz", WIDTH)


def test_the_manifest_tells_the_space_of_the_heads_and_what_they_add(tmp_path: Path) -> None:
    heads = tmp_path / "encoder_heads.npz"
    np.savez(heads, latent_bias=np.zeros(2), adds_folded=np.array([0.5, 0.25]), adds_static=np.array([0.5, 0.0]))
    with pytest.raises(DataError, match=r"folded.npz is not there"):
        space_beside(heads)
    (tmp_path / "folded.npz").write_bytes(b"words")
    assert space_beside(heads) == hashlib.sha256(b"words").hexdigest()
    assert read_adds(heads) == {"folded": [0.5, 0.25], "static": [0.5, 0.0]}
