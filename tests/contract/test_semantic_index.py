"""What every semantic index keeps to: in memory, in Redis shared by workers, and searched by servers that can."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import NamedTuple

import pytest

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_ft import SearchIndexes
from gateway.adapters.redis_searched import SearchedSemanticIndex, SearchedSettings
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.redis_vset import VectorSets
from gateway.adapters.semantic_rows import ScopeRows
from gateway.adapters.semantic_search import VectorSearch
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from gateway.ports_semantic import SemanticIndex
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on
from tests.support.search_server import CAN_SEARCH, NEEDS_SEARCH, running_search

SEARCHED: dict[str, Callable[[RedisClient], VectorSearch]] = {
    "redis-vset, same worker": VectorSets,
    "redis-vset, other worker": VectorSets,
    "redis-ft, same worker": SearchIndexes,
    "redis-ft, other worker": SearchIndexes,
}
STORES = [
    "memory",
    "redis, same worker",
    "redis, other worker",
    f"{SIMULATED}, other worker",
    *(pytest.param(kind, marks=NEEDS_SEARCH) for kind in SEARCHED),
]
ALICE, BOB = SemanticScope(TenantId("alice"), "a1" * 32), SemanticScope(TenantId("bob"), "a1" * 32)
OTHER = SemanticScope(TenantId("alice"), "b2" * 32)
NEAR, FAR = bytes((127, 1, 0, 0)), bytes((0, 0, 127, 1))
NOW_S = MonotonicClock().wall_s()


class Servers(NamedTuple):
    """A Valkey, and a Redis that finds vectors, where there is one."""

    plain: RedisServer
    searching: RedisServer | None


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_redis() as plain, running_search() if CAN_SEARCH else nullcontext() as searching:
        yield Servers(plain, searching)


def entry(name: str = "0a", vector: bytes = NEAR) -> SemanticEntry:
    return SemanticEntry(name * 32, "What is the capital of France?", vector, NOW_S, 3_600.0)


class Indexes:
    """An index to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: SemanticIndex, reader: SemanticIndex) -> None:
        self.writer = writer
        self.reader = reader

    async def settle(self) -> None:
        """Let what was written be read by the other."""
        if isinstance(self.writer, RedisSemanticIndex | SearchedSemanticIndex):
            await self.writer.flush()
        for index in (self.writer, self.reader):
            if isinstance(index, RedisSemanticIndex):
                await index.look()

    async def put(self, scope: SemanticScope, *entries: SemanticEntry) -> None:
        """Keep as requests do, each of which has asked first."""
        for each in entries:
            await self.writer.nearest(scope, each.vector, 1, PATIENT_S)
            self.writer.put(scope, each)
        await self.settle()

    async def find(self, scope: SemanticScope, vector: bytes = NEAR, count: int = 4) -> list[SemanticEntry]:
        """Ask as requests do: the first question in a scope may find nothing, those behind it do."""
        await self.reader.nearest(scope, vector, count, PATIENT_S)
        await self.settle()
        return [each.entry for each in await self.reader.nearest(scope, vector, count, PATIENT_S)]


@asynccontextmanager
async def opened(kind: str, servers: Servers) -> AsyncIterator[Indexes]:
    clock = MonotonicClock()
    if kind == "memory":
        memory = MemorySemanticIndex(clock)
        await memory.listen()
        yield Indexes(memory, memory)
        await memory.aclose()
        return
    settings, search = RedisSemanticSettings(timeout_s=PATIENT_S), SEARCHED.get(kind)

    def made(client: TurnClient) -> RedisSemanticIndex | SearchedSemanticIndex:
        if search is None:
            return RedisSemanticIndex(client, clock, settings)
        return SearchedSemanticIndex(client, clock, search(client), SearchedSettings(timeout_s=PATIENT_S))

    asked = servers.plain if search is None else servers.searching
    assert asked is not None, "skipped where there is none"
    async with stores_on(kind, asked, made) as indexes:
        yield Indexes(indexes[0], indexes[0 if kind.endswith("same worker") else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_an_entry_is_found_as_it_was_put(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        assert await indexes.find(ALICE) == []
        await indexes.put(ALICE, entry())
        assert await indexes.find(ALICE) == [entry()]
        assert indexes.reader.stats()["entries"] == (0 if indexes.reader.is_remote else 1)


@pytest.mark.parametrize("kind", STORES)
async def test_the_nearest_come_first_and_no_more_than_asked_for(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, entry("0a", FAR), entry("0b"), entry("0c", bytes((100, 60, 0, 0))))
        assert [each.answer[:2] for each in await indexes.find(ALICE, count=2)] == ["0b", "0c"]


@pytest.mark.parametrize("kind", STORES)
async def test_each_tells_the_same_cosine(kind: str, servers: Servers) -> None:
    rows, near = ScopeRows(4), entry(vector=bytes((100, 60, 0, 251)))
    rows.put(near, NOW_S)
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, near)
        await indexes.find(ALICE)
        assert list(await indexes.reader.nearest(ALICE, NEAR, 4, PATIENT_S)) == rows.nearest(NEAR, 4, NOW_S)


@pytest.mark.parametrize("kind", STORES)
async def test_what_lies_in_one_scope_is_found_in_no_other(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, entry())
        for scope in (BOB, OTHER, replace(ALICE, tenant=TenantId(""))):
            assert await indexes.find(scope) == []
        assert await indexes.find(ALICE) == [entry()]


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("tenant", ["{alice}", "a*", "a:b\r\nFLUSHALL", "ünï", ""])
async def test_no_name_of_a_tenant_breaks_the_index(kind: str, tenant: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        scope = replace(ALICE, tenant=TenantId(tenant))
        await indexes.put(scope, entry())
        assert await indexes.find(scope) == [entry()]


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_forgotten_is_found_no_more(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, entry(), entry("0b"))
        assert len(await indexes.find(ALICE)) == 2
        indexes.writer.forget(ALICE, entry().answer)
        await indexes.settle()
        assert await indexes.find(ALICE) == [entry("0b")]


@pytest.mark.parametrize("kind", STORES)
async def test_an_entry_is_replaced_by_one_with_the_same_answer(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, entry(vector=FAR))
        await indexes.put(ALICE, entry())
        assert await indexes.find(ALICE) == [entry()]


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_too_old_is_found_no_more(kind: str, servers: Servers) -> None:
    async with opened(kind, servers) as indexes:
        await indexes.put(ALICE, replace(entry(), stored_at_s=NOW_S - 3_601.0), entry("0b"))
        assert await indexes.find(ALICE) == [entry("0b")]
