"""What `tiergate doctor` says of what finds like questions."""

from contextlib import AbstractContextManager

import pytest

from gateway.adapters.clock import SystemClock
from gateway.app.doctor import Finding, Level
from gateway.app.doctor_semantic import semantic_index
from gateway.app.settings import read_settings
from tests.support.redis_server import RedisServer, running_redis
from tests.support.search_server import NEEDS_SEARCH, running_search


async def found(**settings: object) -> list[Finding]:
    return await semantic_index(read_settings({}, settings), SystemClock())


async def test_by_default_each_worker_finds_them() -> None:
    assert [(each.level, each.what) for each in await found()] == [
        (Level.OK, "each worker finds like questions in its own memory")
    ]


async def test_without_a_server_none_can() -> None:
    (finding,) = await found(semantic_index="redis")
    assert (finding.level, finding.mend) == (Level.FAIL, "set --redis-url")


@pytest.mark.parametrize("url", ["redis+sentinel://host:1/", "redis://127.0.0.1:1/0"])
async def test_a_server_that_is_not_there_is_reported_elsewhere(url: str) -> None:
    assert await found(semantic_index="redis", redis_url=url) == []


async def test_a_cluster_is_not_searched_by_ft() -> None:
    (finding,) = await found(semantic_index="redis-ft", redis_url="redis+cluster://127.0.0.1:1")
    assert finding.level is Level.WARN
    assert "redis-vset" in finding.mend


@pytest.mark.parametrize(
    ("running", "wanted", "level", "what"),
    [
        (running_redis, "redis", Level.WARN, "the server has no redis-vset or redis-ft"),
        pytest.param(running_search, "redis", Level.OK, "redis-vset", marks=NEEDS_SEARCH),
        pytest.param(running_search, "redis-ft", Level.OK, "redis-ft", marks=NEEDS_SEARCH),
    ],
)
async def test_a_server_is_asked_what_it_can_do(
    running: type[AbstractContextManager[RedisServer]], wanted: str, level: Level, what: str
) -> None:
    with running() as server:
        (finding,) = await found(semantic_index=wanted, redis_url=server.url)
    assert finding.level is level
    assert what in finding.what
