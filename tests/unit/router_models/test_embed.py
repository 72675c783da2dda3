"""Pools of many texts, in the order of the texts, computed once."""

from pathlib import Path

import numpy as np
import pytest

from gateway.core.wordpiece import WordPieces
from router_models.embed import KEY_BYTES, PoolsCache, cache_path, embed, encoder_version, key_of
from router_models.encoder_graph import POOLED
from router_models.encoder_run import rows_of
from router_models.encoder_weights import EncoderWeights
from tests.support.numpy_encoder import pools, small_weights

TEXTS = ["wab wac wad " * 20, "wab", "", "wba wbb wbc", "wab", "lone \ud800 half"]
WIDTH = POOLED * 32


@pytest.fixture(scope="module")
def weights() -> EncoderWeights:
    return small_weights()


def test_each_row_is_the_pools_of_its_text(weights: EncoderWeights, tmp_path: Path) -> None:
    found = embed(TEXTS, weights, tmp_path / "pools.bin", threads=1)
    rows = rows_of(WordPieces(weights.vocabulary), TEXTS)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, [pools(weights, row) for row in rows], atol=2e-3)


def test_what_was_computed_is_kept_and_only_the_rest_is_done(weights: EncoderWeights, tmp_path: Path) -> None:
    cache = tmp_path / "pools.bin"
    marked = np.full((1, WIDTH), 0.5, np.float16)
    (row,) = rows_of(WordPieces(weights.vocabulary), ["wab"])
    PoolsCache(cache, WIDTH).add([key_of(row)], marked)
    steps: list[tuple[int, int]] = []
    found = embed(TEXTS, weights, cache, threads=1, progress=lambda done, total: steps.append((done, total)))
    np.testing.assert_array_equal(found[[1, 4]], np.repeat(marked, 2, axis=0))
    assert steps[0] == (2, 6)
    assert steps[-1] == (6, 6)
    again: list[tuple[int, int]] = []
    np.testing.assert_array_equal(
        embed(TEXTS, weights, cache, progress=lambda done, total: again.append((done, total))), found
    )
    assert again == [(6, 6)]


def test_a_record_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "pools.bin"
    PoolsCache(path, 4).add([b"a" * KEY_BYTES, b"b" * KEY_BYTES], np.ones((2, 4), np.float16))
    path.write_bytes(path.read_bytes()[:-3])
    cache = PoolsCache(path, 4)
    assert b"a" * KEY_BYTES in cache
    assert b"b" * KEY_BYTES not in cache
    cache.add([b"b" * KEY_BYTES], np.zeros((1, 4), np.float16))
    assert PoolsCache(path, 4)[b"b" * KEY_BYTES].tolist() == [0, 0, 0, 0]


def test_another_window_is_kept_elsewhere() -> None:
    assert cache_path(tokens=96) != cache_path(tokens=256)
    assert "-96-" in encoder_version(96)


def test_no_texts_make_no_rows(weights: EncoderWeights, tmp_path: Path) -> None:
    assert embed([], weights, tmp_path / "pools.bin").shape == (0, WIDTH)
