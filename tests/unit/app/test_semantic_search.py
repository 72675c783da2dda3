"""Which ways of a server the settings allow, and what the log says of the one that is taken."""

import logging

import pytest

from gateway.adapters.redis_target import read_target
from gateway.adapters.semantic_ways import ServerSearch
from gateway.app.events import EVENT, FACTS
from gateway.app.semantic_search import tell_search, ways_of
from gateway.app.settings import read_settings

ONE, CLUSTER = read_target("redis://127.0.0.1:1/0"), read_target("redis+cluster://127.0.0.1:1")


@pytest.mark.parametrize(
    ("wanted", "on_one", "on_a_cluster"),
    [
        ("redis", [ServerSearch.VSET, ServerSearch.FT], [ServerSearch.VSET]),
        ("redis-vset", [ServerSearch.VSET], [ServerSearch.VSET]),
        ("redis-ft", [ServerSearch.FT], []),
    ],
)
def test_a_cluster_is_searched_by_vector_sets_alone(
    wanted: str, on_one: list[ServerSearch], on_a_cluster: list[ServerSearch]
) -> None:
    settings = read_settings({}, {"semantic_index": wanted})
    assert ways_of(settings, ONE) == on_one
    assert ways_of(settings, CLUSTER) == on_a_cluster


def test_the_way_that_is_taken_is_logged_and_one_that_is_not_there_with_a_way_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "tiergate")
    tell_search("redis", ServerSearch.VSET)
    tell_search("redis", None)
    assert [getattr(record, EVENT) for record in caplog.records] == ["semantic_searched", "semantic_unsearched"]
    assert [getattr(record, FACTS)["cause"] for record in caplog.records] == ["redis-vset", "redis"]
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "TIERGATE_SEMANTIC_INDEX=process" in caplog.messages[1]
