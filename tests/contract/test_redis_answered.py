"""What the shared store of answered requests does when Redis answers wrongly or not at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from gateway.adapters.redis_answered import RedisAnswered, RedisAnsweredSettings
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.ids import RequestId
from gateway.ports import StoreUnavailable
from tests.support.labels import ALICE, ANSWERED, BOB, GOOD
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, open_breaker, running_redis

MISSING = RequestId("req-2")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer) -> AsyncIterator[tuple[RedisAnswered, TurnClient]]:
    client = client_of(server, open_s=60.0)
    store = RedisAnswered(client, RedisAnsweredSettings(timeout_s=PATIENT_S, ttl_s=60))
    try:
        yield store, client
    finally:
        await store.aclose()
        await client.aclose()


async def test_redis_forgets_by_itself(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        store.put(ANSWERED)
        await store.flush()
        await store.note(ALICE, ANSWERED.request_id, GOOD)
        for kind in ("an", "fb"):
            left_s = await client.call("TTL", f"{tenant_prefix(ALICE)}{kind}:req-1", timeout_s=PATIENT_S)
            assert isinstance(left_s, int)
            assert 0 < left_s <= 60


async def test_what_is_neither_request_nor_feedback_is_not_found(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        for kind in ("an", "fb"):
            await client.call("SET", f"{tenant_prefix(ALICE)}{kind}:req-2", b"garbage", timeout_s=PATIENT_S)
        assert await store.get(ALICE, MISSING) is None
        assert await store.noted(ALICE, MISSING) is None
        assert store.stats()["corrupt"] == 2


async def test_a_request_under_another_key_is_not_used(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        raw = msgspec.msgpack.encode(replace(ANSWERED, tenant=BOB, request_id=MISSING))
        await client.call("SET", f"{tenant_prefix(ALICE)}an:req-2", raw, timeout_s=PATIENT_S)
        assert await store.get(ALICE, MISSING) is None
        assert store.stats()["corrupt"] == 1
        assert client.stats()["state"] == "idle"


async def test_a_dead_server_leaves_what_this_worker_remembers_and_says_what_it_cannot_tell(
    server: RedisServer,
) -> None:
    async with worker(server) as (store, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        store.put(ANSWERED)
        assert await store.get(ALICE, ANSWERED.request_id) == ANSWERED
        for asked in (
            store.get(ALICE, MISSING),
            store.noted(ALICE, ANSWERED.request_id),
            store.note(ALICE, ANSWERED.request_id, GOOD),
        ):
            with pytest.raises(StoreUnavailable):
                await asked
        assert store.stats()["errors"] == 3
