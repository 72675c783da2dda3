"""The semantic index that follows what a real server can do, and a successor that can do less."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.redis_searched import SearchedSettings
from gateway.adapters.redis_semantic import RedisSemanticSettings
from gateway.adapters.redis_semantic_choice import ChoiceSettings, ChosenSemanticIndex
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.semantic_ways import SERVER_SEARCHES, ServerSearch
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from tests.support.redis_server import (
    PATIENT_S,
    MonotonicClock,
    RedisServer,
    client_of,
    open_breaker,
    running_redis,
    server_binary,
)
from tests.support.redis_stores import clients_on
from tests.support.search_server import MODULE, NEEDS_SEARCH, REDIS_8, running_search
from tests.support.waiting import eventually

SCOPE = SemanticScope(TenantId("alice"), "a1" * 32)
VECTOR = bytes((127, 1, 0, 0))
ENTRY = SemanticEntry("0a" * 32, "When?", VECTOR, MonotonicClock().wall_s(), 3_600.0)
SETTINGS = ChoiceSettings(
    look_s=0.01,
    ask_s=PATIENT_S,
    local=RedisSemanticSettings(timeout_s=PATIENT_S),
    searched=SearchedSettings(timeout_s=PATIENT_S),
)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_search() as running:
        yield running


class Worker:
    """An index, its client, and the ways that it told of."""

    def __init__(self, client: TurnClient, wanted: str) -> None:
        self.client = client
        self.told: list[ServerSearch | None] = []
        self.index = ChosenSemanticIndex(client, MonotonicClock(), SERVER_SEARCHES[wanted], self.told.append, SETTINGS)

    async def found(self) -> list[str]:
        return [each.entry.answer for each in await self.index.nearest(SCOPE, VECTOR, 4, PATIENT_S)]

    async def keep(self, entry: SemanticEntry = ENTRY) -> None:
        """Keep as a request does that has found nothing."""
        assert await self.found() == []
        self.index.put(SCOPE, entry)
        await self.index.flush()


@asynccontextmanager
async def working(server: RedisServer, wanted: str = "redis") -> AsyncIterator[Worker]:
    async with clients_on("redis", server, 1) as (client,):
        worker = Worker(client, wanted)
        try:
            yield worker
        finally:
            await worker.index.aclose()


@NEEDS_SEARCH
@pytest.mark.parametrize(("wanted", "way"), [("redis", ServerSearch.VSET), ("redis-ft", ServerSearch.FT)])
async def test_the_first_way_that_the_server_offers_is_taken_and_nothing_is_held_here(
    server: RedisServer, wanted: str, way: ServerSearch
) -> None:
    async with working(server, wanted) as worker:
        await worker.keep()
        assert (worker.index.is_remote, worker.index.stats()["index"], worker.index.stats()["entries"]) == (
            False,
            "process",
            1,
        )
        await worker.index.look()
        await worker.index.look()
        assert worker.told == [way]
        assert (worker.index.is_remote, worker.index.stats()["index"]) == (True, way.value)
        await worker.keep()
        assert await worker.found() == [ENTRY.answer]
        worker.index.forget(SCOPE, ENTRY.answer)
        await worker.index.flush()
        assert await worker.found() == []


@NEEDS_SEARCH
async def test_a_valkey_without_vector_sets_is_searched_by_its_module() -> None:
    with running_redis(*MODULE) as server:
        async with working(server) as worker:
            await worker.index.look()
            assert worker.told == [ServerSearch.FT]
            await worker.keep()
            assert await worker.found() == [ENTRY.answer]


@NEEDS_SEARCH
async def test_a_server_that_cannot_as_wanted_leaves_it_to_the_workers() -> None:
    with running_redis(binary=str(REDIS_8)) as server:
        async with working(server, "redis-ft") as worker:
            await worker.index.look()
            assert worker.told == [None]
            await worker.keep()
            assert (await worker.found(), worker.index.is_remote) == ([ENTRY.answer], False)


async def test_a_server_that_is_not_there_has_said_nothing_yet() -> None:
    with running_redis() as server:
        server.kill()
        client = client_of(server)
        worker = Worker(client, "redis")
        await worker.keep()
        await worker.index.look()
        assert (worker.told, await worker.found()) == ([], [ENTRY.answer])
        await worker.index.aclose()
        await client.aclose()


@NEEDS_SEARCH
async def test_a_successor_that_cannot_is_found_out_and_so_is_one_that_can_again() -> None:
    with running_redis(binary=str(REDIS_8)) as server:
        async with working(server) as worker:
            await worker.index.look()
            for binary in (server_binary(), str(REDIS_8)):
                server.kill()
                await open_breaker(worker.client)
                await worker.index.look()
                server.start(binary=binary)
                await eventually(lambda: not worker.client.is_open)
                await worker.index.look()
                await worker.keep()
                assert await worker.found() == [ENTRY.answer]
            assert worker.told == [ServerSearch.VSET, None, ServerSearch.VSET]


@NEEDS_SEARCH
async def test_a_refused_search_is_reason_to_ask_again(server: RedisServer) -> None:
    async with working(server) as worker:
        await worker.index.look()
        await worker.client.call("ACL", "SETUSER", "default", "-evalsha", timeout_s=PATIENT_S)
        assert await worker.found() == []
        await worker.client.call("ACL", "SETUSER", "default", "+evalsha", "-command", timeout_s=PATIENT_S)
        await worker.index.look()
        await worker.client.call("ACL", "SETUSER", "default", "+command", timeout_s=PATIENT_S)
        assert worker.told == [ServerSearch.VSET, None], "a user who may not ask is taken for one that cannot"


@NEEDS_SEARCH
async def test_who_listens_finds_out_by_itself(server: RedisServer) -> None:
    async with working(server) as worker:
        listening = asyncio.create_task(worker.index.listen())
        await eventually(lambda: worker.index.is_remote)
        listening.cancel()
        await asyncio.wait([listening])
        assert worker.told == [ServerSearch.VSET]
