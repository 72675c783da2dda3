"""The line along labels' vectors is the step that the definition asks for."""

import numpy as np
import pytest

from gateway.adapters.label_line import along, line_of
from gateway.core.neighbours import DOUBT_LABELS, LINE_RIDGE, LOGIT_MAX, SAID_RIDGE, level_of

CHANCE = np.random.default_rng(5)


def drawn(count: int, width: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vectors = CHANCE.normal(size=(count, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, CHANCE.random(count).astype(np.float32), CHANCE.uniform(0.1, 0.9, count).astype(np.float32)


def test_it_is_the_step_that_the_definition_asks_for() -> None:
    vectors, scores, predicted = drawn(200)
    rows = np.column_stack([np.ones(200), np.log(predicted / (1 - predicted)), vectors]).astype(np.float64)
    curvature = sum(p * (1 - p) * np.outer(x, x) for p, x in zip(predicted.tolist(), rows, strict=True))
    ridge = np.diag([DOUBT_LABELS / 4, SAID_RIDGE, *[LINE_RIDGE] * 6])
    wanted = np.linalg.solve(curvature + ridge, rows.T @ (scores - predicted))
    assert line_of(vectors, scores, predicted) == pytest.approx(wanted, abs=1e-4)


def test_labels_that_all_lie_at_one_place_without_direction_give_the_level() -> None:
    _, scores, _ = drawn(50)
    even = np.full(50, 0.5, np.float32)
    line = line_of(np.zeros((50, 4), np.float32), scores, even)
    assert line[0] == pytest.approx(level_of(scores.tolist(), even.tolist()), abs=1e-4)
    assert not line[1:].any()


def test_what_is_said_of_requests_that_are_all_alike_is_taken_back() -> None:
    said = np.tile(np.array([0.2, 0.8], np.float32), 200)
    level, slope, *_ = line_of(np.zeros((400, 4), np.float32), np.full(400, 0.5, np.float32), said)
    assert abs(level) < 0.1
    assert -1.5 < slope < -0.8


def test_what_is_said_to_be_certain_has_a_finite_logit() -> None:
    found = along(np.array([0.0, 0.1, 0.0], np.float32), np.ones((2, 1), np.float32), np.array([0, 1], np.float32))
    assert found == pytest.approx([-0.921, 0.921], abs=1e-3)


def test_it_rises_towards_what_was_answered_well_and_stays_within_the_bound() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 400, axis=0)
    scores = np.repeat(np.array([1.0, 0.0], np.float32), 400)
    line = line_of(vectors, scores, np.full(800, 0.5, np.float32))
    even = np.full(2, 0.5, np.float32)
    good, bad = along(line, np.eye(2, dtype=np.float32), even)
    assert 0.5 < good <= LOGIT_MAX
    assert -LOGIT_MAX <= bad < -0.5
    assert along(np.array([9.0, 0.0, 0.0], np.float32), np.ones((1, 1), np.float32), even[:1]) == [LOGIT_MAX]
