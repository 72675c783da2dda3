"""What every store of answered requests keeps to: in memory, and in Redis shared by workers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.redis_answered import RedisAnswered, RedisAnsweredSettings
from gateway.domain.feedback import AnsweredRequest, Feedback
from gateway.domain.ids import RequestId
from gateway.ports import AnsweredStore
from tests.support.labels import ALICE, ANSWERED, BOB, GOOD
from tests.support.redis_server import PATIENT_S, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on

STORES = ["memory", "redis, same worker", "redis, other worker", f"{SIMULATED}, other worker"]
ID = ANSWERED.request_id
BAD = Feedback(0.0, "wrong river", GOOD.at_s + 1.0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Stores:
    """A store to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: AnsweredStore, reader: AnsweredStore) -> None:
        self.writer = writer
        self.reader = reader

    async def put(self, answered: AnsweredRequest) -> None:
        self.writer.put(answered)
        if isinstance(self.writer, RedisAnswered):
            await self.writer.flush()


@asynccontextmanager
async def opened(kind: str, server: RedisServer) -> AsyncIterator[Stores]:
    if kind == "memory":
        memory = MemoryAnswered(kept=10)
        yield Stores(memory, memory)
        await memory.aclose()
        return
    settings = RedisAnsweredSettings(kept=10, timeout_s=PATIENT_S)
    async with stores_on(kind, server, lambda client: RedisAnswered(client, settings)) as stores:
        yield Stores(stores[0], stores[0 if kind == "redis, same worker" else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_a_request_comes_back_as_it_was(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        assert await stores.reader.get(ALICE, ID) is None
        full = replace(ANSWERED, embedding=bytes(range(256)), text="Which river?", finish_reason=None)
        await stores.put(full)
        assert await stores.reader.get(ALICE, ID) == full


@pytest.mark.parametrize("kind", STORES)
async def test_a_request_is_found_by_its_own_tenant_alone(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        of_bob = replace(ANSWERED, tenant=BOB, model="another")
        await stores.put(ANSWERED)
        assert await stores.reader.get(BOB, ID) is None
        await stores.put(of_bob)
        assert await stores.reader.get(ALICE, ID) == ANSWERED
        assert await stores.reader.get(BOB, ID) == of_bob


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_said_takes_the_place_of_what_was_said(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        assert await stores.reader.noted(ALICE, ID) is None
        assert await stores.writer.note(ALICE, ID, GOOD) is None
        assert await stores.reader.noted(ALICE, ID) == GOOD
        assert await stores.reader.note(ALICE, ID, BAD) == GOOD
        assert await stores.writer.noted(ALICE, ID) == BAD


@pytest.mark.parametrize("kind", STORES)
async def test_what_is_said_is_told_to_its_own_tenant_alone(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.writer.note(ALICE, ID, GOOD)
        assert await stores.reader.noted(BOB, ID) is None
        assert await stores.reader.note(BOB, ID, BAD) is None
        assert await stores.writer.noted(ALICE, ID) == GOOD


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", ["{curly}", "a:b", "line\r\nend", "ü", "*"])
async def test_no_request_id_breaks_the_store(name: str, kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        answered = replace(ANSWERED, request_id=RequestId(name))
        await stores.put(answered)
        assert await stores.reader.get(ALICE, answered.request_id) == answered
        await stores.writer.note(ALICE, answered.request_id, GOOD)
        assert await stores.reader.noted(ALICE, answered.request_id) == GOOD
