"""What every store of conversations keeps to: in memory, and in Redis shared by workers."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.redis_conversations import RedisConversations, RedisConversationsSettings
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.ids import EndpointId, TenantId, TierName
from gateway.ports import ConversationStore
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on
from tests.support.waiting import answered

STORES = ["memory", "redis, same worker", "redis, other worker", f"{SIMULATED}, other worker"]
KEY = ConversationKey(TenantId("alice"), "0123456789abcdef" * 2)
STANDING = Standing(TierName("small"), EndpointId("small/1"), 1_234, 1, 1_800_000_000.5, is_mixed=True)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Stores:
    """A store to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: ConversationStore, reader: ConversationStore) -> None:
        self.writer = writer
        self.reader = reader

    async def put(self, key: ConversationKey, standing: Standing, ttl_s: float = 60.0) -> None:
        self.writer.put(key, standing, ttl_s)
        if isinstance(self.writer, RedisConversations):
            await self.writer.flush()

    async def get(self, key: ConversationKey) -> Standing | None:
        return await self.reader.get(key)


@asynccontextmanager
async def opened(kind: str, server: RedisServer) -> AsyncIterator[Stores]:
    clock = MonotonicClock()
    if kind == "memory":
        memory = MemoryConversations(clock)
        yield Stores(memory, memory)
        await memory.aclose()
        return
    settings = RedisConversationsSettings(get_timeout_s=PATIENT_S)
    async with stores_on(kind, server, lambda client: RedisConversations(client, clock, settings)) as stores:
        yield Stores(stores[0], stores[0 if kind == "redis, same worker" else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_a_standing_comes_back_as_it_was(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        assert await stores.get(KEY) is None
        await stores.put(KEY, STANDING)
        assert await stores.get(KEY) == STANDING


@pytest.mark.parametrize("kind", STORES)
async def test_the_newest_standing_takes_the_place_of_the_older(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        newer = replace(STANDING, tier=TierName("large"), easy_turns=0, at_s=STANDING.at_s + 1.0)
        await stores.put(KEY, STANDING)
        await stores.put(KEY, newer)
        assert await stores.get(KEY) == newer


@pytest.mark.parametrize("kind", STORES)
async def test_a_standing_is_found_by_its_own_tenant_alone(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(KEY, STANDING)
        assert await stores.get(replace(KEY, tenant=TenantId("bob"))) is None


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("tenant", ["{alice}", "a*", "a:b\r\nFLUSHALL", "ünï", ""])
async def test_no_name_of_a_tenant_breaks_the_store(kind: str, tenant: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key = replace(KEY, tenant=TenantId(tenant))
        await stores.put(key, STANDING)
        assert await stores.get(key) == STANDING


@pytest.mark.parametrize("kind", STORES)
async def test_a_standing_is_gone_after_its_time(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(KEY, STANDING, ttl_s=0.02)
        began_s = time.monotonic()
        await answered(lambda: stores.get(KEY), lambda found: found is None)
        assert time.monotonic() - began_s < PATIENT_S
