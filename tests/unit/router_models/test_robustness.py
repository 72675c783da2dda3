"""Counting flips and what they cost."""

from collections.abc import Sequence

import numpy as np
import pytest

from router_models.edits import ATTACKS, EDITS
from router_models.robustness import Scored, probe, robustness_table

TEXTS = ["a" * size for size in range(1, 11)]


def by_length(texts: Sequence[str]) -> Scored:
    """Score as a router would that takes length for difficulty; the dear tier costs ten times as much."""
    length = np.array([float(len(text)) for text in texts])
    return Scored(length, np.column_stack([np.ones(len(texts)), np.full(len(texts), 10.0)]))


def test_an_edit_that_crosses_the_threshold_is_a_flip_and_moves_the_cost_by_the_decision_alone() -> None:
    (longer,) = probe(by_length, TEXTS, 1, {"longer": lambda text, _: text + "aa"})
    assert longer.applied == 1.0
    assert longer.flips == pytest.approx(0.2)
    assert longer.cost_moved == pytest.approx((7 * 10 + 3) / (5 * 10 + 5) - 1)
    assert not longer.is_attack


def test_only_texts_that_an_edit_changes_are_counted() -> None:
    (one,) = probe(by_length, TEXTS, 1, {"one": lambda text, _: "a" * 20 if text == "aaaaa" else text})
    assert one.applied == pytest.approx(0.1)
    assert one.flips == 1.0
    (none,) = probe(by_length, TEXTS, 1, {"none": lambda text, _: text})
    assert (none.applied, none.flips, none.cost_moved) == (0.0, 0.0, 0.0)


def test_the_table_holds_every_edit_and_attack_and_the_worst_edit() -> None:
    table = robustness_table(probe(by_length, TEXTS, 1))
    assert len(table.rows) == len(EDITS) + len(ATTACKS) + 2
    assert table.rows[-1][0] == "worst of them: filler"
    assert sum(row[0].endswith("(attack)") for row in table.rows) == len(ATTACKS)
    assert len(robustness_table([]).rows) == 0
