"""What each protocol trains on never asks what it tests."""

import numpy as np
import pytest

from router_models.data import Mask, Outcomes
from router_models.partitions import (
    Partition,
    few_labels,
    folds,
    released,
    sample_of_groups,
    whole_subjects,
    without_family,
)
from tests.support.routing_bench import a_named_world

WORLD = a_named_world(900)
SEED = 3


def _groups(outcomes: Outcomes, chosen: Mask) -> set[str]:
    return {outcomes.queries[row].group for row in np.flatnonzero(chosen)}


def _every() -> list[Partition]:
    return [
        *folds(WORLD, SEED),
        *few_labels(WORLD, SEED, with_others=True),
        *few_labels(WORLD, SEED, with_others=False),
        *whole_subjects(WORLD),
        *without_family(WORLD),
        released(WORLD),
    ]


@pytest.mark.parametrize("partition", _every(), ids=lambda partition: partition.name)
def test_no_group_is_on_both_sides(partition: Partition) -> None:
    assert not _groups(WORLD, partition.training) & _groups(WORLD, partition.tested)


def test_every_query_is_tested_in_one_fold() -> None:
    tested = np.sum([each.tested for each in folds(WORLD, SEED)], axis=0)
    assert (tested == 1).all()


def test_every_fold_leaves_something_to_calibrate_on() -> None:
    # The fits keep a tenth of the groups by a draw of their own; by the same draw a fold would hold all of it.
    sizes = [int(each.tested.sum()) for each in folds(WORLD, SEED)]
    assert min(sizes) > 150


def test_few_labels_are_half_the_pool_at_most_and_the_others_are_no_knowledge() -> None:
    alone, *_ = few_labels(WORLD, SEED, with_others=False)
    beside, *_ = few_labels(WORLD, SEED, with_others=True)
    assert alone.training.sum() == 112
    extra = beside.training & ~alone.training
    assert {WORLD.queries[row].task for row in np.flatnonzero(extra)} == {"maths", "code"}


def test_whole_subjects_are_left_out_together_and_each_once() -> None:
    parts = list(whole_subjects(WORLD))
    subjects = [{WORLD.queries[row].category for row in np.flatnonzero(part.tested)} for part in parts]
    assert sorted(name for part in subjects for name in part) == sorted({q.category for q in WORLD.queries})
    assert len(parts) == 5


def test_a_sample_is_about_its_share_of_the_groups() -> None:
    assert sample_of_groups(WORLD, 0.1, SEED).mean() == pytest.approx(0.1, abs=0.01)
