"""Measures of routing over several tiers, against figures worked out by hand."""

import numpy as np
import pytest

from router_models.ladders import (
    Ladder,
    cost_at,
    cost_share_at,
    dials,
    frontier,
    gap_closed,
    height,
    hull,
    spent,
    zero_router,
)

QUALITY = np.array([[1.0, 1.0], [0.0, 1.0]])
COST = np.array([[1.0, 10.0], [1.0, 10.0]])
KNOWING = Ladder(QUALITY, COST, QUALITY, COST)
BLIND = Ladder(np.array([[0.5, 1.0], [0.5, 1.0]]), COST, QUALITY, COST)


def test_a_ladder_that_knows_keeps_all_quality_at_the_cost_of_what_is_needed() -> None:
    assert cost_share_at(frontier(KNOWING), KNOWING, 1.0) == pytest.approx(0.55)


def test_the_zero_router_pays_in_proportion() -> None:
    assert cost_share_at(zero_router(KNOWING), KNOWING, 0.75) == pytest.approx(0.55)
    assert cost_share_at(zero_router(KNOWING), KNOWING, 0.2) == pytest.approx(0.1)


def test_a_quality_that_is_never_reached_has_no_cost() -> None:
    assert cost_at(zero_router(KNOWING)[:1], 0.99) is None


def test_a_hull_leaves_out_what_mixing_its_neighbours_beats_and_never_falls() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.2], [2.0, 1.0], [3.0, 0.9], [2.0, 0.5]])
    assert hull(points).tolist() == [[0.0, 0.0], [2.0, 1.0]]


def test_the_mean_height_of_a_straight_line_is_its_middle_and_beyond_its_end_stays() -> None:
    line = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert height(line, 0.0, 1.0) == pytest.approx(0.5)
    assert height(line, 0.0, 2.0) == pytest.approx(0.75)


def test_the_oracle_closes_the_whole_gap_and_mixing_blindly_none() -> None:
    zero, oracle = zero_router(KNOWING), frontier(KNOWING.oracle())
    assert gap_closed(frontier(KNOWING), zero, oracle) == pytest.approx(1.0)
    assert gap_closed(frontier(BLIND), zero, oracle) == pytest.approx(0.0)


def test_a_dial_of_nought_buys_the_likeliest_and_a_large_one_the_cheapest() -> None:
    found = spent(KNOWING, np.array([0.0, 0.05, 1.0]))
    assert found.quality.mean(axis=0).tolist() == [1.0, 1.0, 0.5]
    assert found.cost.mean(axis=0).tolist() == [5.5, 5.5, 1.0]
    assert dials(COST)[0] == 0.0


def test_some_of_a_ladder_is_those_queries_alone() -> None:
    assert KNOWING.some(np.array([False, True])).quality.tolist() == [[0.0, 1.0]]
