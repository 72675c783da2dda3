"""The line along labels' vectors is the step that the definition asks for."""

import numpy as np
import pytest

from gateway.adapters.label_line import along, line_of
from gateway.core.neighbours import DOUBT_LABELS, LINE_RIDGE, LOGIT_MAX, level_of

CHANCE = np.random.default_rng(5)


def drawn(count: int, width: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vectors = CHANCE.normal(size=(count, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, CHANCE.random(count).astype(np.float32), CHANCE.uniform(0.1, 0.9, count).astype(np.float32)


def test_it_is_the_step_that_the_definition_asks_for() -> None:
    vectors, scores, predicted = drawn(200)
    rows = np.hstack([np.ones((200, 1)), vectors.astype(np.float64)])
    curvature = sum(p * (1 - p) * np.outer(x, x) for p, x in zip(predicted.tolist(), rows, strict=True))
    ridge = np.diag([DOUBT_LABELS / 4, *[LINE_RIDGE] * 6])
    wanted = np.linalg.solve(curvature + ridge, rows.T @ (scores - predicted))
    assert line_of(vectors, scores, predicted) == pytest.approx(wanted, abs=1e-4)


def test_labels_that_all_lie_at_one_place_without_direction_give_the_level() -> None:
    _, scores, predicted = drawn(50)
    line = line_of(np.zeros((50, 4), np.float32), scores, predicted)
    assert line[0] == pytest.approx(level_of(scores.tolist(), predicted.tolist()), abs=1e-4)
    assert not line[1:].any()


def test_it_rises_towards_what_was_answered_well_and_stays_within_the_bound() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 400, axis=0)
    scores = np.repeat(np.array([1.0, 0.0], np.float32), 400)
    line = line_of(vectors, scores, np.full(800, 0.5, np.float32))
    good, bad = along(line, np.eye(2, dtype=np.float32))
    assert 0.5 < good <= LOGIT_MAX
    assert -LOGIT_MAX <= bad < -0.5
    assert along(np.array([9.0, 0.0], np.float32), np.ones((1, 1), np.float32)) == [LOGIT_MAX]
