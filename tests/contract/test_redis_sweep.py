"""A tenant's answers in Redis are gone through in batches, within a time, and nothing else is touched."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.cache_value import write_value
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_sweep import RedisSweepSettings, sweep
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection, Tally
from tests.support.clocks import ManualClock
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, closing, running_redis

ALICE, BOB = TenantId("alice"), TenantId("bob")
FAST, SLOW = RouteName("fast"), RouteName("slow")
SMALL = RedisSweepSettings(batch=10, within_s=60.0, timeout_s=PATIENT_S)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def filled(server: RedisServer, count: int = 200) -> AsyncIterator[TurnClient]:
    """Yield a client of a Redis with so many answers of each of two tenants, the second half after their purge 1."""
    async with closing(client_of(server)) as client:
        await client.call("FLUSHALL", timeout_s=PATIENT_S)
        for tenant in (ALICE, BOB):
            for number in range(count):
                key = ExactKey(tenant, f"{number:064x}")
                answer = CachedAnswer(
                    b"x" * 10, "s", "m", 1, 1, 0.0, 0.0, (FAST, SLOW)[number % 2], number * 2 // count
                )
                value = write_value(key, answer, 60.0)
                assert value is not None
                await client.call("SET", f"{tenant_prefix(tenant)}x:{key.digest}", value, timeout_s=PATIENT_S)
        await client.call("SET", f"{tenant_prefix(ALICE)}x:{'f' * 64}", "none of ours", timeout_s=PATIENT_S)
        yield client


async def keys(client: TurnClient) -> int:
    count = await client.call("DBSIZE", timeout_s=PATIENT_S)
    assert isinstance(count, int)
    return count


async def test_all_are_counted_over_many_batches(server: RedisServer) -> None:
    async with filled(server) as client:
        found = await sweep(client, ManualClock(), Selection(ALICE), SMALL)
        assert found == Tally(200, 2_000)
        assert found.by_route == {FAST: 100, SLOW: 100}
        assert await keys(client) == 401


async def test_those_asked_for_before_a_purge_are_dropped_and_the_newer_stay(server: RedisServer) -> None:
    async with filled(server) as client:
        assert await sweep(client, ManualClock(), Selection(ALICE, SLOW), SMALL, purge=1) == Tally(50, 500)
        assert await keys(client) == 351
        one = Selection(ALICE, entry=f"{0:064x}")
        assert await sweep(client, ManualClock(), one, SMALL, purge=1) == Tally(1, 10)
        assert await sweep(client, ManualClock(), one, SMALL, purge=1) == Tally()


async def test_what_does_not_fit_into_the_time_is_left(server: RedisServer) -> None:
    async with filled(server) as client:
        hurried = RedisSweepSettings(batch=10, within_s=0.0, timeout_s=PATIENT_S)
        found = await sweep(client, ManualClock(), Selection(ALICE), hurried)
        assert not found.is_complete
        assert found.entries < 200


async def test_trouble_is_told(server: RedisServer) -> None:
    async with filled(server, 1) as client:
        await client.call("UNLINK", f"{tenant_prefix(ALICE)}x:{0:064x}", timeout_s=PATIENT_S)
        await client.call("LPUSH", f"{tenant_prefix(ALICE)}x:{0:064x}", "a list", timeout_s=PATIENT_S)
        with pytest.raises(RedisUnavailable):
            await sweep(client, ManualClock(), Selection(ALICE), SMALL)
