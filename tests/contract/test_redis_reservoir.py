"""What the shared reservoir does when Redis answers wrongly or not at all, and how soon workers hear of labels."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_reservoir import RedisReservoir, RedisReservoirSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.reservoir_index import ReservoirSettings
from gateway.ports import StoreUnavailable
from tests.support.labels import ALICE, BOB, a_label
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, open_breaker, running_redis
from tests.support.waiting import eventually


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer, **settings: float) -> AsyncIterator[tuple[RedisReservoir, TurnClient]]:
    client = client_of(server)
    bounds = ReservoirSettings(per_tenant=1_200)
    chosen = RedisReservoirSettings(timeout_s=PATIENT_S, poll_s=settings.get("poll_s", 0.01), bounds=bounds)
    try:
        yield RedisReservoir(client, chosen), client
    finally:
        await client.aclose()


async def add_many(reservoir: RedisReservoir, count: int) -> None:
    """Add labels, some fifty at a time."""
    for first in range(0, count, 50):
        await asyncio.gather(*(reservoir.add(a_label(f"{n}")) for n in range(first, min(first + 50, count))))


async def test_a_listening_worker_hears_of_a_label_by_itself(server: RedisServer) -> None:
    async with worker(server) as (one, _), worker(server) as (other, _):
        listening = asyncio.create_task(other.listen())
        await one.add(a_label("a"))
        await eventually(lambda: other.stats()["labels"] == 1)
        await one.add(a_label("b", tenant=BOB))
        await eventually(lambda: other.stats() == {"labels": 2, "tenants": 2, "errors": 0, "corrupt": 0})
        listening.cancel()
        await asyncio.wait([listening])


async def test_more_labels_than_a_page_are_all_read(server: RedisServer) -> None:
    async with worker(server) as (one, _), worker(server) as (other, _):
        await add_many(one, 1_100)
        await other.look()
        assert other.stats()["labels"] == 1_100


async def test_a_tenants_labels_are_trimmed_and_forgotten_by_redis_itself(server: RedisServer) -> None:
    async with worker(server) as (one, client):
        await add_many(one, 1_205)
        key = f"{tenant_prefix(ALICE)}lb"
        assert await client.call("XLEN", key, timeout_s=PATIENT_S) == 1_200
        left_s = await client.call("TTL", key, timeout_s=PATIENT_S)
        assert isinstance(left_s, int)
        assert left_s > 86_400


async def test_what_is_no_label_of_the_tenant_is_passed_over(server: RedisServer) -> None:
    async with worker(server) as (one, client), worker(server) as (other, _):
        key = f"{tenant_prefix(ALICE)}lb"
        await client.call("XADD", key, "*", "l", b"garbage", timeout_s=PATIENT_S)
        of_bob = msgspec.msgpack.encode(a_label("x", tenant=BOB))
        await client.call("XADD", key, "*", "l", of_bob, timeout_s=PATIENT_S)
        await client.call("XADD", key, "*", "a", "b", "c", "d", timeout_s=PATIENT_S)
        await one.add(a_label("a"))
        await other.look()
        assert other.stats() == {"labels": 1, "tenants": 1, "errors": 0, "corrupt": 2}


async def test_while_redis_is_away_nothing_is_taken_and_what_is_held_stays(server: RedisServer) -> None:
    async with worker(server) as (one, client), worker(server) as (other, _):
        await one.add(a_label("a"))
        server.kill()
        await open_breaker(client)
        with pytest.raises(StoreUnavailable):
            await one.add(a_label("b"))
        await one.look()
        assert one.stats()["labels"] == 1
        assert one.stats()["errors"] == 2
        await other.look()
        assert other.stats()["labels"] == 0
        server.start()
        await eventually(lambda: not client.is_open)
        await one.add(a_label("b"))
        await other.look()
        assert other.stats()["labels"] == 1
