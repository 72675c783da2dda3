"""What the shared cache does when Redis answers wrongly, late, or not at all: a miss, in time, and never an error."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Reply
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from gateway.ports import Clock
from tests.support.clocks import ManualClock
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, running_redis
from tests.support.waiting import eventually

ALICE = TenantId("alice")
KEY = ExactKey(ALICE, "a" * 64)
OTHER = ExactKey(ALICE, "b" * 64)
ANSWER = CachedAnswer(b'{"answer":1}', "small", "qwen", 12, 34, stored_at_s=MonotonicClock().wall_s())
PATIENT = RedisCacheSettings(get_timeout_s=PATIENT_S, local_max_age_s=-1.0)
"""Always asks Redis, and waits as long as it takes."""
REQUEST_GUARD_S = 1.0
"""The promise is 25 ms a request; a busy test machine may add to what the timeouts bound."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


def redis_key(key: ExactKey) -> str:
    return f"{tenant_prefix(key.tenant)}x:{key.digest}"


@asynccontextmanager
async def worker(
    server: RedisServer, settings: RedisCacheSettings = PATIENT, *, clock: Clock | None = None, open_s: float = 60.0
) -> AsyncIterator[tuple[RedisCache, TurnClient]]:
    client = client_of(server, open_s=open_s)
    cache = RedisCache(client, clock or MonotonicClock(), settings)
    try:
        yield cache, client
    finally:
        await cache.aclose()
        await client.aclose()


async def raw(client: TurnClient, *command: str | bytes | int) -> Reply:
    return await client.call(*command, timeout_s=PATIENT_S)


async def store(cache: RedisCache, key: ExactKey = KEY, answer: CachedAnswer = ANSWER, ttl_s: float = 60.0) -> None:
    cache.put(key, answer, ttl_s)
    await cache.flush()


async def test_case_43_an_answer_stored_under_another_key_is_a_miss_an_alarm_and_the_end_of_the_connection(
    server: RedisServer,
) -> None:
    async with worker(server) as (cache, client):
        await store(cache)
        await raw(client, "COPY", redis_key(KEY), redis_key(OTHER))
        assert await cache.get(OTHER) is None
        assert cache.stats()["mismatches"] == 1
        assert client.stats()["state"] == "idle"
        assert await cache.get(KEY) == ANSWER


async def test_case_43_an_answer_of_another_tenant_is_a_miss_even_under_the_same_digest(server: RedisServer) -> None:
    foreign = ExactKey(TenantId("bob"), KEY.digest)
    async with worker(server) as (cache, client):
        await store(cache)
        await raw(client, "COPY", redis_key(KEY), redis_key(foreign))
        assert await cache.get(foreign) is None
        assert cache.stats()["mismatches"] == 1


@pytest.mark.parametrize(
    "value",
    [
        b"garbage",
        b"\xc1",
        msgspec.msgpack.encode([1, "alice"]),
        msgspec.msgpack.encode([0, "alice", KEY.digest, b"", "", "", 0, 0, 0.0, 1.0]),
        msgspec.msgpack.encode([1, "alice", KEY.digest, "text", "", "", "NaN", 0, 0.0, 1.0]),
        b"x" * (100 * 1024 * 1024),
    ],
    ids=["garbage", "reserved byte", "truncated", "old version", "wrong types", "giant"],
)
async def test_case_44_a_value_that_is_no_answer_is_a_miss_and_is_deleted(value: bytes, server: RedisServer) -> None:
    async with worker(server) as (cache, client):
        await raw(client, "SET", redis_key(KEY), value)
        assert await cache.get(KEY) is None
        await cache.flush()
        assert await raw(client, "EXISTS", redis_key(KEY)) == 0
        assert cache.stats()["corrupt"] == 1


async def test_a_key_of_another_type_is_a_miss(server: RedisServer) -> None:
    async with worker(server) as (cache, client):
        await raw(client, "LPUSH", redis_key(KEY), "element")
        assert await cache.get(KEY) is None
        assert cache.stats()["errors"] == 1


async def test_case_44_a_truncated_value_is_a_miss(server: RedisServer) -> None:
    async with worker(server) as (cache, client):
        await store(cache)
        length = await raw(client, "STRLEN", redis_key(KEY))
        assert isinstance(length, int)
        value = await raw(client, "GETRANGE", redis_key(KEY), 0, length // 2)
        assert isinstance(value, bytes)
        await raw(client, "SET", redis_key(KEY), value)
        assert await cache.get(KEY) is None


async def test_redis_forgets_an_answer_by_itself_and_a_hit_does_not_prolong_it(server: RedisServer) -> None:
    async with worker(server) as (cache, client):
        await store(cache, ttl_s=60.0)
        before = await raw(client, "PTTL", redis_key(KEY))
        assert await cache.get(KEY) == ANSWER
        after = await raw(client, "PTTL", redis_key(KEY))
        assert isinstance(before, int)
        assert isinstance(after, int)
        assert 0 < after <= before <= 60_000


async def test_a_purge_in_redis_reaches_a_worker_after_its_local_age(server: RedisServer) -> None:
    clock = ManualClock(wall_s=ANSWER.stored_at_s)
    settings = RedisCacheSettings(get_timeout_s=PATIENT_S, local_max_age_s=5.0)
    async with worker(server, settings, clock=clock) as (cache, client):
        await store(cache, ttl_s=1_000.0)
        assert await cache.get(KEY) == ANSWER
        await raw(client, "DEL", redis_key(KEY))
        clock.advance(4.9)
        await cache.look()
        assert await cache.get(KEY) == ANSWER
        clock.advance(0.2)
        await cache.look()
        assert await cache.get(KEY) is None
        assert await cache.get(KEY) is None


async def test_case_49_a_worker_with_a_wrong_clock_keeps_no_answer_beyond_its_time_to_live(server: RedisServer) -> None:
    # The writer's clock is an hour ahead: by the reader's clock the answer comes from the future.
    early = replace(ANSWER, stored_at_s=ANSWER.stored_at_s + 3_600.0)
    clock = ManualClock(wall_s=ANSWER.stored_at_s)
    async with worker(server) as (writer, _), worker(server, clock=clock) as (reader, _):
        await store(writer, answer=early, ttl_s=60.0)
        assert await reader.get(KEY) == early
        server.freeze()
        clock.advance(61.0)
        server.kill()
        assert await reader.get(KEY) is None


@pytest.mark.parametrize("jump_s", [3_600.0, -3_600.0])
async def test_case_49_a_clock_that_jumps_makes_no_answer_immortal_and_loses_none(
    server: RedisServer, jump_s: float
) -> None:
    clock = ManualClock(wall_s=ANSWER.stored_at_s)
    async with worker(server, replace(PATIENT, local_max_age_s=3_600.0), clock=clock) as (cache, client):
        await cache.look()
        await store(cache, ttl_s=600.0)
        clock.jump(jump_s)
        assert await cache.get(KEY) == ANSWER
        assert 0 < int(str(await raw(client, "PTTL", redis_key(KEY)))) <= 600_000
        async with worker(server, clock=clock) as (other, _):
            assert await other.get(KEY) == ANSWER
        await raw(client, "UNLINK", redis_key(KEY))
        clock.advance(601.0)
        await cache.look()
        assert await cache.get(KEY) is None


async def test_a_frozen_server_is_a_miss_in_time_and_is_soon_left_alone(server: RedisServer) -> None:
    settings = RedisCacheSettings(local_max_age_s=-1.0)
    async with worker(server, settings) as (cache, client):
        await raw(client, "PING")
        server.freeze()
        for _ in range(10):
            started_s = time.monotonic()
            assert await cache.get(KEY) is None
            assert time.monotonic() - started_s < REQUEST_GUARD_S
        # A worker that does not know what was purged asks for that along with the answer: two calls, and one wait.
        assert (client.stats()["timeouts"], client.stats()["refused_while_open"]) == (2 * 3, 7)
        assert cache.stats()["errors"] == 10


async def test_what_this_worker_remembers_is_served_while_it_is_sure_what_was_purged(server: RedisServer) -> None:
    clock = ManualClock(wall_s=ANSWER.stored_at_s)
    async with worker(server, clock=clock) as (cache, client):
        await store(cache)
        assert await cache.get(KEY) == ANSWER
        await cache.look()
        server.kill()
        await eventually(lambda: client.stats()["state"] == "idle")
        for _ in range(5):
            assert await cache.get(KEY) == ANSWER
            assert await cache.get(OTHER) is None
        assert cache.stats()["hits_while_down"] == 5
        assert cache.stats()["state"] == "open"
        clock.advance(PATIENT.purges.lag_s + 0.001)
        assert await cache.get(KEY) is None
        assert cache.stats()["hits_while_down"] == 5


async def test_with_redis_back_this_worker_serves_again_what_it_remembers(server: RedisServer) -> None:
    clock = ManualClock(wall_s=ANSWER.stored_at_s)
    async with worker(server, replace(PATIENT, local_max_age_s=60.0), clock=clock, open_s=0.01) as (cache, client):
        await store(cache)
        assert await cache.get(KEY) == ANSWER
        server.kill()
        await eventually(lambda: client.stats()["state"] == "idle")
        clock.advance(1.0)
        for _ in range(3):
            await cache.look()
            assert await cache.get(KEY) is None
        server.start()
        await eventually(lambda: not client.is_open)
        clock.advance(1.0)
        await cache.look()
        # The server begins empty, so this can only be what was remembered.
        assert await cache.get(KEY) == ANSWER


async def test_writes_to_a_dead_server_are_lost_and_counted_and_nobody_waits(server: RedisServer) -> None:
    async with worker(server) as (cache, client):
        await raw(client, "PING")
        server.kill()
        for number in range(20):
            cache.put(replace(KEY, digest=f"{number:064x}"), ANSWER, 60.0)
        await cache.flush()
        assert cache.stats()["lost"] == 20
        assert cache.stats()["queued"] == 0


async def test_a_restarted_server_is_used_again(server: RedisServer) -> None:
    async with worker(server, open_s=0.01) as (cache, client):
        await store(cache)
        server.kill()
        for _ in range(10):
            await cache.get(OTHER)
        server.start()
        await eventually(lambda: not client.is_open)
        await store(cache, OTHER)
        async with worker(server) as (another, _):
            assert await another.get(OTHER) == ANSWER
            assert await another.get(KEY) is None


async def test_an_answer_whose_names_are_too_long_stays_in_this_worker(server: RedisServer) -> None:
    giant_name = replace(ANSWER, body=b"x" * (1024 * 1024), served_model="m" * 8_192)
    async with worker(server, replace(PATIENT, local_max_age_s=60.0)) as (cache, _):
        assert await cache.get(KEY) is None
        await cache.look()
        await store(cache, answer=giant_name)
        assert await cache.get(KEY) == giant_name
        assert (cache.stats()["too_large"], cache.stats()["written"]) == (1, 0)


async def test_closing_writes_what_is_queued(server: RedisServer) -> None:
    async with worker(server) as (reader, _):
        async with worker(server) as (cache, _):
            cache.put(KEY, ANSWER, 60.0)
        assert await reader.get(KEY) == ANSWER
