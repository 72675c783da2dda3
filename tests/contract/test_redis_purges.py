"""Whatever happens between a purge and a worker: it gives no purged answer, or nobody was told that all would hear."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_keys import tenant_tag
from gateway.adapters.redis_purges import RedisPurgesSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.core.purges import ENTRIES_MAX
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection, Tally
from gateway.ports import StoreUnavailable
from tests.support.clocks import ManualClock
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, running_redis
from tests.support.waiting import eventually

ALICE, BOB = TenantId("alice"), TenantId("bob")
KEY, OTHER = ExactKey(ALICE, "a" * 64), ExactKey(ALICE, "b" * 64)
WALL_S = 1_800_000_000.0
ANSWER = CachedAnswer(b'{"answer":1}', "small", "qwen", 12, 34, stored_at_s=WALL_S, route=RouteName("balanced"))
SETTINGS = RedisCacheSettings(
    get_timeout_s=PATIENT_S,
    local_max_age_s=3_600.0,
    purges=RedisPurgesSettings(timeout_s=PATIENT_S, note_timeout_s=PATIENT_S),
)
"""Redis is waited for as long as it takes, and never asked for what is remembered, as far as that may be given."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer, clock: ManualClock) -> AsyncIterator[tuple[RedisCache, TurnClient]]:
    client = client_of(server, open_s=0.01)
    cache = RedisCache(client, clock, SETTINGS)
    try:
        yield cache, client
    finally:
        await cache.aclose()
        await client.aclose()


async def warm(cache: RedisCache, *keys: ExactKey, answer: CachedAnswer = ANSWER) -> None:
    """Have the worker remember answers, and know what was purged."""
    await cache.look()
    for key in keys:
        cache.put(key, answer, 3_600.0)
        assert await cache.get(key) == answer
    await cache.flush()


async def test_a_worker_hears_of_a_purge_at_its_next_look_and_gives_its_memory_back(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (other, _):
        await warm(cache, KEY, OTHER)
        await warm(other, KEY)
        assert await cache.purge(Selection(ALICE, entry=KEY.digest)) == Tally(1, len(ANSWER.body))
        assert await cache.get(KEY) is None
        await other.look()
        assert await other.get(KEY) is None
        assert (other.stats()["entries"], other.stats()["purges_heard"]) == (0, 1)
        assert await cache.get(OTHER) == ANSWER


async def test_a_worker_that_listens_hears_of_purges_by_itself(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (other, _):
        await warm(other, KEY)
        listening = asyncio.create_task(other.listen())
        await cache.purge(Selection(ALICE))
        await eventually(lambda: other.stats()["purges_heard"] == 1)
        assert await other.get(KEY) is None
        listening.cancel()
        await asyncio.wait([listening])


async def test_a_worker_that_was_cut_off_gives_nothing_it_cannot_be_sure_of(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (cut_off, its_client):
        await warm(cache, KEY)
        await warm(cut_off, KEY)
        await its_client.aclose()
        await cache.purge(Selection(ALICE))
        clock.advance(SETTINGS.purges.lag_s)
        await cut_off.look()
        clock.advance(0.001)
        assert await cut_off.get(KEY) is None
        assert cut_off.stats()["purge_looks_failed"] == 1


async def test_a_worker_that_stood_still_asks_what_was_purged_with_what_it_asks(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (slow, client):
        await warm(cache, KEY, OTHER)
        await warm(slow, KEY, OTHER)
        await cache.purge(Selection(ALICE, entry=KEY.digest))
        clock.advance(60.0)
        calls = client.stats()["calls"]
        assert await slow.get(KEY) is None
        assert await slow.get(OTHER) == ANSWER
        assert client.stats()["calls"] == int(calls) + 4


async def test_a_purge_that_redis_did_not_note_is_told(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client):
        await warm(cache, KEY)
        server.kill()
        await eventually(lambda: client.stats()["state"] == "idle")
        for ask in (cache.purge(Selection(ALICE)), cache.count(Selection(ALICE)), cache.was_purged(KEY)):
            with pytest.raises(StoreUnavailable):
                await ask


async def test_a_purge_is_noted_by_a_server_whose_memory_is_full(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client), worker(server, clock) as (other, _):
        await warm(cache, KEY)
        await warm(other, KEY)
        await client.call("CONFIG", "SET", "maxmemory", 1, timeout_s=PATIENT_S)
        assert await cache.purge(Selection(ALICE)) == Tally(1, len(ANSWER.body))
        await other.look()
        assert await other.get(KEY) is None


async def test_a_full_server_loses_writes_and_fails_nothing(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client):
        await warm(cache, KEY)
        await client.call("CONFIG", "SET", "maxmemory", 1, timeout_s=PATIENT_S)
        before = cache.stats()
        cache.put(OTHER, ANSWER, 60.0)
        await cache.flush()
        assert int(cache.stats()["lost"]) == int(before["lost"]) + 1
        assert await cache.get(KEY) == ANSWER
        assert await cache.get(OTHER) == ANSWER, "it is still remembered here"


async def test_a_server_that_lost_its_data_makes_no_purged_answer_valid_again(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client), worker(server, clock) as (other, _):
        await warm(cache, KEY)
        await warm(other, KEY)
        await cache.purge(Selection(ALICE))
        await other.look()
        await client.call("FLUSHALL", timeout_s=PATIENT_S)
        await other.look()
        other.put(KEY, ANSWER, 60.0)
        assert await other.get(KEY) is None
        # And the next purge is newer than any before, though the server has lost count of them.
        before = other.purge_number(ALICE)
        await cache.purge(Selection(ALICE))
        await other.look()
        assert other.purge_number(ALICE) > before


async def test_marks_that_redis_was_made_to_forget_make_everything_void(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client):
        await warm(cache, KEY)
        await cache.purge(Selection(ALICE, entry=OTHER.digest))
        await client.call("UNLINK", f"tg:{{purges}}:of:{tenant_tag(ALICE)}", timeout_s=PATIENT_S)
        async with worker(server, clock) as (fresh, _):
            await fresh.look()
            assert await fresh.get(KEY) is None
            newer = replace(ANSWER, purge=fresh.purge_number(ALICE))
            fresh.put(KEY, newer, 60.0)
            assert await fresh.get(KEY) == newer


@pytest.mark.parametrize("value", ["", "soon", "soon 1", "12", "12 soon"])
async def test_marks_that_cannot_be_read_never_bring_an_answer_back(value: str, server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client):
        await warm(cache, KEY)
        await cache.purge(Selection(ALICE))
        await client.call("HSET", f"tg:{{purges}}:of:{tenant_tag(ALICE)}", "all=", value, timeout_s=PATIENT_S)
        async with worker(server, clock) as (fresh, _):
            await fresh.look()
            fresh.put(KEY, ANSWER, 60.0)
            assert await fresh.get(KEY) is None


async def test_purges_of_more_entries_than_are_remembered_become_one_of_everything(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client), worker(server, clock) as (other, _):
        await warm(cache, KEY)
        for number in range(ENTRIES_MAX):
            await cache.purge(Selection(ALICE, entry=f"{number:064x}"))
        await other.look()
        assert await other.get(KEY) == ANSWER
        await cache.purge(Selection(ALICE, entry="e" * 64))
        await other.look()
        assert await other.get(KEY) is None
        assert await client.call("HLEN", f"tg:{{purges}}:of:{tenant_tag(ALICE)}", timeout_s=PATIENT_S) == 1


async def test_an_earlier_bound_takes_nothing_back(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    old = replace(ANSWER, stored_at_s=WALL_S - 100.0)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (other, _):
        await warm(cache, KEY, answer=old)
        await warm(other, KEY, answer=old)
        await cache.purge(Selection(ALICE, until_s=WALL_S - 50.0))
        await cache.purge(Selection(ALICE, until_s=WALL_S - 500.0))
        await other.look()
        assert await other.get(KEY) is None


async def test_a_purge_of_one_tenant_is_not_one_of_another(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, _), worker(server, clock) as (other, client):
        await warm(other, KEY)
        await cache.purge(Selection(BOB))
        await other.look()
        calls = client.stats()["calls"]
        assert await other.get(KEY) == ANSWER
        assert client.stats()["calls"] == calls, "it was sure enough to answer from memory"


async def test_what_is_counted_is_not_touched(server: RedisServer) -> None:
    clock = ManualClock(wall_s=WALL_S)
    async with worker(server, clock) as (cache, client):
        await warm(cache, KEY, OTHER)
        await client.call("SET", f"tg:{{{tenant_tag(ALICE)}}}:x:{'c' * 64}", "none of ours", timeout_s=PATIENT_S)
        assert await cache.count(Selection(ALICE)) == Tally(2, 2 * len(ANSWER.body))
        assert await cache.count(Selection(ALICE, RouteName("another"))) == Tally()
        assert await cache.count(Selection(BOB)) == Tally()
        assert await cache.get(KEY) == ANSWER
