"""Of the texts whose outcomes are known the near ones are found, and speak as the definition says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gateway.adapters.known_texts import KnownTexts, Surroundings, read_known
from gateway.core.folded import GROUND_SHARE
from gateway.core.known_texts import KNOWN_DOUBT, KNOWN_NEAREST, LIKE_NEAREST
from gateway.core.neighbours import closeness_by_cosine
from tests.support.artefacts import packaged

KNOWN = packaged().static.surroundings.known


def by_definition(known: KnownTexts, vector: np.ndarray[Any, Any]) -> tuple[float, list[float]]:
    """Look at every text."""
    cosines = (known.vectors * known.vector_unit[:, None]).astype(float) @ vector
    near = np.argsort(-cosines)[:KNOWN_NEAREST]
    weights = np.array([closeness_by_cosine(float(cosine)) for cosine in cosines[near]])
    steps = known.steps[near] * known.step_unit
    return float(cosines[near][:LIKE_NEAREST].mean()), ((weights @ steps) / (weights.sum() + KNOWN_DOUBT)).tolist()


def drawn(count: int) -> KnownTexts:
    """Draw texts in cells of three, few enough for all cells to be looked through."""
    chance = np.random.default_rng(5)
    vectors = chance.integers(-127, 127, (count, 6)).astype(np.int8)
    unit = (1 / np.linalg.norm(vectors.astype(float), axis=1)).astype(np.float32)
    centres = (vectors[::3] * unit[::3, None]).astype(np.float32)
    steps = chance.integers(-127, 127, (count, 2)).astype(np.int8)
    starts = (*range(0, count, 3), count)
    return KnownTexts(centres, starts, vectors, unit, steps, np.array([0.01, 0.02], np.float32))


@pytest.mark.parametrize("count", [1, 30])
def test_where_all_cells_are_looked_through_it_is_what_the_definition_says(count: int) -> None:
    known = drawn(count)
    vector = np.array([0.5, 0.5, 0.5, -0.5, 0.0, 0.0], np.float32)
    likeness, step = known.near(vector)
    wanted_likeness, wanted_step = by_definition(known, vector)
    assert likeness == pytest.approx(wanted_likeness, abs=1e-5)
    assert step.tolist() == pytest.approx(wanted_step, abs=1e-5)


def test_of_the_packaged_ones_few_near_texts_lie_in_cells_that_are_passed_over() -> None:
    away, moved = [], []
    for row in range(0, len(KNOWN.vectors), len(KNOWN.vectors) // 100):
        vector = (KNOWN.vectors[row] * KNOWN.vector_unit[row]).astype(np.float32)
        likeness, step = KNOWN.near(vector)
        wanted_likeness, wanted_step = by_definition(KNOWN, vector)
        away.append(wanted_likeness - likeness)
        moved.append(np.abs(step - wanted_step).max())
    assert 0.0 <= np.mean(away) < 0.02
    assert np.mean(moved) < 0.05


def test_content_and_step_count_less_the_less_like_a_text_is_to_what_is_known() -> None:
    known = drawn(30)
    vector = np.array([0.5, 0.5, 0.5, -0.5, 0.0, 0.0], np.float32)
    likeness, step = known.near(vector)
    for low, share, part in (
        (1.0, GROUND_SHARE, 0.0),
        (likeness - 0.5, 0.5 + 0.5 * GROUND_SHARE, 0.4),
        (-2.0, 1.0, 0.8),
    ):
        found = Surroundings(known, 0.8, low, low + 1.0).around(vector)
        assert found[0] == pytest.approx(share)
        assert found[1] == pytest.approx(part * step)


def arrays() -> dict[str, Any]:
    known = drawn(30)
    return {
        "known_centres": known.centres,
        "known_starts": np.array(known.starts),
        "known_vectors": known.vectors,
        "known_vector_unit": known.vector_unit,
        "known_steps": known.steps,
        "known_step_unit": known.step_unit,
    }


def test_they_are_read_from_an_artefacts_arrays() -> None:
    assert read_known(arrays()).starts == drawn(30).starts


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kept: kept.update(known_centres=kept["known_centres"][1:]), "the known texts' centres are"),
        (lambda kept: kept.update(known_vector_unit=kept["known_vector_unit"][1:]), "the known texts' vectors' units"),
        (lambda kept: kept.update(known_steps=kept["known_steps"][:, 1:]), "the known texts' steps are"),
        (lambda kept: kept.update(known_starts=kept["known_starts"] + 1), "cells do not follow each other"),
        (lambda kept: kept.update(known_starts=kept["known_starts"][::-1]), "cells do not follow each other"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[dict[str, Any]], None], told: str) -> None:
    kept = arrays()
    change(kept)
    with pytest.raises(ValueError, match=told):
        read_known(kept)
