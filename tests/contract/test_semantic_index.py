"""What every semantic index keeps to: in memory, and in Redis shared by workers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from gateway.ports_semantic import SemanticIndex
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on

STORES = ["memory", "redis, same worker", "redis, other worker", f"{SIMULATED}, other worker"]
ALICE, BOB = SemanticScope(TenantId("alice"), "a1" * 32), SemanticScope(TenantId("bob"), "a1" * 32)
OTHER = SemanticScope(TenantId("alice"), "b2" * 32)
NEAR, FAR = bytes((127, 1, 0, 0)), bytes((0, 0, 127, 1))
NOW_S = MonotonicClock().wall_s()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


def entry(name: str = "0a", vector: bytes = NEAR) -> SemanticEntry:
    return SemanticEntry(name * 32, "What is the capital of France?", vector, NOW_S, 3_600.0)


class Indexes:
    """An index to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: SemanticIndex, reader: SemanticIndex) -> None:
        self.writer = writer
        self.reader = reader

    async def settle(self) -> None:
        """Let what was written be read by the other."""
        if isinstance(self.writer, RedisSemanticIndex):
            await self.writer.flush()
        for index in (self.writer, self.reader):
            if isinstance(index, RedisSemanticIndex):
                await index.look()

    async def put(self, scope: SemanticScope, *entries: SemanticEntry) -> None:
        for each in entries:
            self.writer.put(scope, each)
        await self.settle()

    async def find(self, scope: SemanticScope, vector: bytes = NEAR, count: int = 4) -> list[SemanticEntry]:
        """Ask as requests do: the first question in a scope may find nothing, those behind it do."""
        self.reader.nearest(scope, vector, count)
        await self.settle()
        return [each.entry for each in self.reader.nearest(scope, vector, count)]


@asynccontextmanager
async def opened(kind: str, server: RedisServer) -> AsyncIterator[Indexes]:
    clock = MonotonicClock()
    if kind == "memory":
        memory = MemorySemanticIndex(clock)
        await memory.listen()
        yield Indexes(memory, memory)
        await memory.aclose()
        return
    settings = RedisSemanticSettings(timeout_s=PATIENT_S)
    async with stores_on(kind, server, lambda client: RedisSemanticIndex(client, clock, settings)) as indexes:
        yield Indexes(indexes[0], indexes[0 if kind == "redis, same worker" else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_an_entry_is_found_as_it_was_put(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        assert await indexes.find(ALICE) == []
        await indexes.put(ALICE, entry())
        assert await indexes.find(ALICE) == [entry()]
        assert indexes.reader.stats()["entries"] == 1


@pytest.mark.parametrize("kind", STORES)
async def test_the_nearest_come_first_and_no_more_than_asked_for(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        await indexes.put(ALICE, entry("0a", FAR), entry("0b"), entry("0c", bytes((100, 60, 0, 0))))
        assert [each.answer[:2] for each in await indexes.find(ALICE, count=2)] == ["0b", "0c"]


@pytest.mark.parametrize("kind", STORES)
async def test_what_lies_in_one_scope_is_found_in_no_other(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        await indexes.put(ALICE, entry())
        for scope in (BOB, OTHER, replace(ALICE, tenant=TenantId(""))):
            assert await indexes.find(scope) == []
        assert await indexes.find(ALICE) == [entry()]


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("tenant", ["{alice}", "a*", "a:b\r\nFLUSHALL", "ünï", ""])
async def test_no_name_of_a_tenant_breaks_the_index(kind: str, tenant: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        scope = replace(ALICE, tenant=TenantId(tenant))
        await indexes.put(scope, entry())
        assert await indexes.find(scope) == [entry()]


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_forgotten_is_found_no_more(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        await indexes.put(ALICE, entry(), entry("0b"))
        assert len(await indexes.find(ALICE)) == 2
        indexes.writer.forget(ALICE, entry().answer)
        await indexes.settle()
        assert await indexes.find(ALICE) == [entry("0b")]


@pytest.mark.parametrize("kind", STORES)
async def test_an_entry_is_replaced_by_one_with_the_same_answer(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        await indexes.put(ALICE, entry(vector=FAR))
        await indexes.put(ALICE, entry())
        assert await indexes.find(ALICE) == [entry()]


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_too_old_is_found_no_more(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as indexes:
        await indexes.put(ALICE, replace(entry(), stored_at_s=NOW_S - 3_601.0), entry("0b"))
        assert await indexes.find(ALICE) == [entry("0b")]
