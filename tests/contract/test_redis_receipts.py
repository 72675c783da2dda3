"""What the shared store of receipts does when Redis answers wrongly or not at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_receipts import RedisReceipts, RedisReceiptsSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import ReceiptTerms
from tests.support.clocks import ManualClock
from tests.support.receipt_samples import RECEIPT_CODEC, a_receipt
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, open_breaker, running_redis

ALICE = TenantId("alice")
RECEIPT = a_receipt(tenant=ALICE)
CLOCK = ManualClock(wall_s=RECEIPT.received_at_s)
MISSING = RequestId("req-2")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer) -> AsyncIterator[tuple[RedisReceipts, TurnClient]]:
    client = client_of(server, open_s=60.0)
    store = RedisReceipts(
        client, RECEIPT_CODEC, CLOCK, RedisReceiptsSettings(ReceiptTerms(ttl_s=60.0), get_timeout_s=PATIENT_S)
    )
    try:
        yield store, client
    finally:
        await store.aclose()
        await client.aclose()


def redis_key(name: RequestId) -> str:
    return f"{tenant_prefix(ALICE)}rc:{name}"


async def test_redis_forgets_a_receipt_by_itself(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        store.put(RECEIPT)
        await store.flush()
        left_s = await client.call("TTL", redis_key(RECEIPT.request_id), timeout_s=PATIENT_S)
        assert isinstance(left_s, int)
        assert 0 < left_s <= 60


async def test_what_is_no_receipt_is_not_found(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        await client.call("SET", redis_key(MISSING), b"{garbage", timeout_s=PATIENT_S)
        assert await store.get(ALICE, MISSING) is None
        assert store.stats()["corrupt"] == 1


async def test_a_receipt_under_another_key_is_not_shown(server: RedisServer) -> None:
    of_bob = replace(RECEIPT, tenant=TenantId("bob"), request_id=MISSING)
    async with worker(server) as (store, client):
        await client.call("SET", redis_key(MISSING), RECEIPT_CODEC.encode(of_bob), timeout_s=PATIENT_S)
        assert await store.get(ALICE, MISSING) is None
        assert store.stats()["corrupt"] == 1
        assert client.stats()["state"] == "idle"


async def test_a_dead_server_leaves_what_this_worker_remembers(server: RedisServer) -> None:
    async with worker(server) as (store, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        store.put(RECEIPT)
        assert await store.get(ALICE, RECEIPT.request_id) == RECEIPT
        assert await store.get(ALICE, MISSING) is None
        assert store.stats()["errors"] == 1
