"""What other models answered is known of every query that asks the same, and of no other model."""

from dataclasses import replace

import numpy as np

from router_models.tried.answers import answers_of_others
from tests.support.routing_world import a_world

WORLD = replace(a_world(30), seen=np.ones((30, 5), bool))


def test_queries_of_one_group_share_what_was_answered() -> None:
    queries = tuple(replace(query, group=f"g{at // 2}") for at, query in enumerate(WORLD.queries))
    seen = WORLD.seen.copy()
    seen[::2] = False
    found = answers_of_others(replace(WORLD, queries=queries, seen=seen), [0, 4])
    assert np.array_equal(found.features[::2], found.features[1::2])
    assert found.count.tolist() == [3] * 30


def test_the_models_that_are_compared_are_left_out() -> None:
    other = WORLD.score.copy()
    other[:, [0, 4]] = 1 - other[:, [0, 4]]
    first, second = (answers_of_others(world, [0, 4]) for world in (WORLD, replace(WORLD, score=other)))
    assert np.array_equal(first.features, second.features)


def test_of_a_query_that_nobody_else_was_asked_nothing_is_known() -> None:
    seen = np.ones((30, 5), bool)
    seen[0, 1:4] = False
    found = answers_of_others(replace(WORLD, seen=seen), [0, 4])
    assert found.count[0] == 0
    assert not found.features[0].any()
