"""What texts with known outcomes ask of others near them."""

import numpy as np
import pytest

from gateway.core.known_texts import KNOWN_DOUBT
from router_models.cells import ROWS_PER_CELL, cells_of
from router_models.heads import Space
from router_models.known_texts import WIDTH, KnownTexts, learn_known, newton_steps
from router_models.static_table import unit

CHANCE = np.random.default_rng(3)
VECTORS = unit(CHANCE.normal(0, 1, (900, 8)).astype(np.float32))


def test_the_step_is_the_mean_of_the_near_ones_held_by_a_doubt() -> None:
    known = KnownTexts(np.eye(4, dtype=np.float32)[:2], np.array([[2.0], [8.0]], np.float32), 0.0, 1.0)
    near = known.near(np.eye(4, dtype=np.float32)[:1])
    assert near.step[0, 0] == pytest.approx(2.0 / (1.0 + KNOWN_DOUBT))
    assert near.likeness[0] == pytest.approx(0.5)


def test_likeness_rises_over_the_band() -> None:
    known = KnownTexts(VECTORS, np.zeros((len(VECTORS), 2), np.float32), 0.4, 0.6)
    assert known.rise(np.array([0.3, 0.4, 0.5, 0.9], np.float32)) == pytest.approx([0.0, 0.0, 0.5, 1.0], abs=1e-6)


def test_the_band_ends_at_the_lower_quartile_of_unseen_texts() -> None:
    known = learn_known(VECTORS[:800], np.zeros((800, 2), np.float32), VECTORS[800:])
    risen = known.rise(known.near(VECTORS[800:]).likeness)
    assert (risen == 1.0).mean() == pytest.approx(0.75, abs=0.02)
    assert known.high - known.low == pytest.approx(WIDTH)


def test_a_texts_step_leads_to_where_its_outcomes_are_likelier() -> None:
    space = Space(np.array([[1.0, 0.0], [0.5, 1.0], [0.0, -1.0]], np.float32), np.zeros(3, np.float32))
    latent = np.zeros((2, 2), np.float32)
    score = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], np.float32)
    seen = np.array([[True, True, True], [True, False, False]])
    steps = newton_steps(latent, space, score, seen)
    assert (steps[0] > 0).all()
    assert steps[1, 0] < 0.0
    assert steps[1, 1] == pytest.approx(0.0)


def test_a_text_without_outcomes_asks_for_nothing() -> None:
    space = Space(np.ones((1, 2), np.float32), np.zeros(1, np.float32))
    unseen = np.zeros((1, 1), bool)
    assert newton_steps(np.zeros((1, 2), np.float32), space, np.ones((1, 1), np.float32), unseen).tolist() == [[0, 0]]


def test_cells_hold_every_row_once_each_by_its_nearest_centre() -> None:
    cells = cells_of(VECTORS, 1)
    assert sorted(cells.order.tolist()) == list(range(len(VECTORS)))
    assert len(cells.starts) == len(cells.centres) + 1
    assert (cells.starts[0], cells.starts[-1]) == (0, len(VECTORS))
    nearest = np.argmax(VECTORS @ cells.centres.T, axis=1)
    for cell, (start, end) in enumerate(zip(cells.starts, cells.starts[1:], strict=False)):
        assert end > start
        assert set(nearest[cells.order[start:end]]) == {cell}


def test_fewer_rows_than_fill_a_cell_are_one() -> None:
    assert len(cells_of(VECTORS[: ROWS_PER_CELL - 1], 1).centres) == 1
