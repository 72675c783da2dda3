"""What the shared store of conversations does when Redis answers wrongly, late or not at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from gateway.adapters.redis_conversations import RedisConversations, RedisConversationsSettings
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_turn import TurnClient
from tests.contract.test_conversation_store import KEY, STANDING
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, open_breaker, running_redis

REDIS_KEY = f"{tenant_prefix(KEY.tenant)}cv:{KEY.digest}"


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer) -> AsyncIterator[tuple[RedisConversations, TurnClient]]:
    client = client_of(server, open_s=60.0)
    store = RedisConversations(client, MonotonicClock(), RedisConversationsSettings(get_timeout_s=PATIENT_S))
    try:
        yield store, client
    finally:
        await store.aclose()
        await client.aclose()


async def test_redis_forgets_by_itself(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        store.put(KEY, STANDING, 60.0)
        await store.flush()
        left_s = await client.call("TTL", REDIS_KEY, timeout_s=PATIENT_S)
        assert isinstance(left_s, int)
        assert 0 < left_s <= 60
        assert store.stats()["written"] == 1


@pytest.mark.parametrize("raw", [b"garbage", msgspec.msgpack.encode((9, "alice", KEY.digest, "a", "b", 1, 0, 1.0))])
async def test_what_is_no_standing_of_ours_is_not_found(server: RedisServer, raw: bytes) -> None:
    async with worker(server) as (store, client):
        await client.call("SET", REDIS_KEY, raw, timeout_s=PATIENT_S)
        assert await store.get(KEY) is None


async def test_a_standing_under_another_key_is_not_used_and_costs_the_connection(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        raw = msgspec.msgpack.encode((1, "bob", KEY.digest, "a", "b", 1, 0, 1.0))
        await client.call("SET", REDIS_KEY, raw, timeout_s=PATIENT_S)
        assert await store.get(KEY) is None
        assert store.stats()["mismatches"] == 1
        assert client.stats()["state"] == "idle"


async def test_what_this_worker_saw_later_counts_more_than_what_redis_has(server: RedisServer) -> None:
    async with worker(server) as (store, _), worker(server) as (other, _):
        store.put(KEY, replace(STANDING, at_s=5.0), 60.0)
        await store.flush()
        other.put(KEY, replace(STANDING, at_s=4.0), 60.0)
        await other.flush()
        found = await store.get(KEY)
        assert found is not None
        assert found.at_s == 5.0


async def test_without_redis_what_this_worker_saw_will_do(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        assert await store.get(KEY) is None
        store.put(KEY, STANDING, 60.0)
        assert await store.get(KEY) == STANDING
        assert store.stats()["errors"] == 2
        assert store.stats()["queued"] == 0, "nothing is queued for a Redis that is down"
