"""Timing the encoder, and what is written of it."""

from pathlib import Path

import numpy as np
import pytest

from router_models.bench import Cell, OpenLoop, measure, open_loop, sample_texts
from router_models.bench_report import (
    CELL_COLUMNS,
    HEADING,
    OPEN_COLUMNS,
    cell_rows,
    open_rows,
    replace_section,
    section,
    surroundings,
)
from router_models.encoder_graph import POOLED, Heads, encoder_graph
from router_models.encoder_run import BoundRun, EncoderRun, padded
from tests.support.numpy_encoder import small_weights

WEIGHTS = small_weights()
WORDS = WEIGHTS.vocabulary


@pytest.fixture(scope="module")
def model() -> EncoderRun:
    chance, width = np.random.default_rng(3), POOLED * WEIGHTS.width
    heads = Heads(*(chance.normal(size=shape).astype(np.float32) for shape in ((width, 3), 3, (width, 5), 5)))
    return EncoderRun(encoder_graph(WEIGHTS, heads).SerializeToString(), threads=1)


def test_bound_to_the_device_the_encoder_says_the_same(model: EncoderRun) -> None:
    bound = BoundRun(model, ("latent", "embedding"))
    for rows in ([[2, 9, 3]], [[2, 8, 3], [2, 3]], [[2, 11, 3]]):
        batch = padded(rows, 0)
        for found, expected in zip(bound.run(batch), model.run(batch, ("latent", "embedding")), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("is_bound", [False, True])
def test_a_cell_counts_texts_and_orders_its_percentiles(model: EncoderRun, is_bound: bool) -> None:
    cell = measure(model, WORDS, 3, 16, is_bound=is_bound, seconds=0)
    assert (cell.batch, cell.tokens, cell.is_bound, cell.rounds) == (3, 16, is_bound, 5)
    assert 0 < cell.p50_ms <= cell.p99_ms
    assert cell.texts_per_s > 0


def test_every_request_that_comes_by_chance_is_answered(model: EncoderRun) -> None:
    run = open_loop(model, WORDS, 2_000, 16, seconds=0.1)
    assert 0 < run.p50_ms <= run.p99_ms
    assert run.mean_batch >= 1
    assert run.reached_per_s > 0


def test_sample_texts_fill_the_window_and_are_the_same_each_time() -> None:
    texts = sample_texts(WORDS, 2, 40)
    assert [len(text.split()) for text in texts] == [40, 40]
    assert texts == sample_texts(WORDS, 2, 40)
    assert texts[0] != texts[1]


def test_a_run_replaces_the_section_of_its_device_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "BENCH.md"
    cells = cell_rows([Cell(8, 128, True, 50, 1.5, 2.25, 5_333.3)])
    runs = open_rows([OpenLoop(5_000, 128, 1.0, 4.0, 4_990, 12.5)])
    replace_section(path, "cpu", section("cpu", {"date": "old"}, [(CELL_COLUMNS, cells)]))
    replace_section(path, "cuda", section("cuda", {"date": "new"}, [(CELL_COLUMNS, []), (OPEN_COLUMNS, runs)]))
    replace_section(path, "cpu", section("cpu", {"date": "newer"}, [(CELL_COLUMNS, cells)]))
    text = path.read_text("utf-8")
    assert text.startswith(HEADING)
    assert [line for line in text.splitlines() if line.startswith(("## ", "- date"))] == [
        "## cpu",
        "- date: newer",
        "## cuda",
        "- date: new",
    ]
    assert "| 8 | 128 | yes | 1.50 | 2.25 | 5,333 | 50 |" in text
    assert "| 5,000 | 128 | 1.00 | 4.00 | 4,990 | 12.5 |" in text


def test_the_surroundings_name_machine_providers_and_versions() -> None:
    known = surroundings("cpu", ("CPUExecutionProvider",), Path("model.int8.onnx"))
    assert "cores" in known["machine"]
    assert known["providers"] == "CPUExecutionProvider"
    assert "onnxruntime" in known["versions"]
    assert "gpu" in surroundings("cuda", (), None)
