"""Which of several workers asks for an answer that none of them has: one, as long as it lives."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_leases import RedisLeasesSettings
from gateway.adapters.redis_link import Reply
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.flight import Claim, Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import clients_on
from tests.support.waiting import eventually

KEY, OTHER = ExactKey(TenantId("alice"), "a" * 64), ExactKey(TenantId("bob"), "a" * 64)
ANSWER = CachedAnswer(b'{"answer":1}', "small", "qwen", 12, 34, stored_at_s=MonotonicClock().wall_s())
LEADS, FOLLOWS = Claim(None, leads=True), Claim(None, leads=False)
BRIEF = RedisLeasesSettings(lease_s=0.15, look_s=0.002, look_s_max=0.01, look_timeout_s=PATIENT_S)
LONG = RedisLeasesSettings(lease_s=60.0, look_s=0.002, look_s_max=0.01, look_timeout_s=PATIENT_S)
KINDS = ["redis, other worker", f"{SIMULATED}, other worker"]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


def cache_on(client: TurnClient, leases: RedisLeasesSettings = LONG) -> RedisCache:
    return RedisCache(client, MonotonicClock(), RedisCacheSettings(get_timeout_s=PATIENT_S, leases=leases))


@asynccontextmanager
async def workers(
    kind: str, server: RedisServer, leases: RedisLeasesSettings = LONG, count: int = 2
) -> AsyncIterator[list[RedisCache]]:
    async with clients_on(kind, server, count) as clients:
        caches = [cache_on(client, leases) for client in clients]
        try:
            yield caches
        finally:
            for cache in caches:
                await cache.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_of_many_workers_that_find_nothing_one_asks(kind: str, server: RedisServer) -> None:
    async with workers(kind, server, count=4) as caches:
        claims = await asyncio.gather(*[cache.claim(KEY, PATIENT_S) for cache in caches])
        assert sorted(claim.leads for claim in claims) == [False, False, False, True]
        leader = caches[[claim.leads for claim in claims].index(True)]
        assert await leader.claim(KEY, PATIENT_S) == LEADS, "it may ask as often as it likes"
        assert leader.stats()["leases_held"] == 1
        assert await caches[0].claim(OTHER, PATIENT_S) == LEADS, "another tenant's request is another"


@pytest.mark.parametrize("kind", KINDS)
async def test_who_waits_is_given_the_answer_and_then_everybody_has_it(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (leader, follower):
        assert await leader.claim(KEY, PATIENT_S) == LEADS
        assert await follower.claim(KEY, PATIENT_S) == FOLLOWS
        waiting = asyncio.create_task(follower.landed(KEY))
        leader.put(KEY, ANSWER, 60.0)
        leader.release(KEY, Ending.KEPT)
        assert await waiting == Landing(Ending.KEPT, ANSWER)
        assert await follower.claim(KEY, PATIENT_S) == Claim(ANSWER, leads=True)
        assert leader.stats()["leases_held"] == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_is_read_from_redis_without_a_lease(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (leader, other):
        leader.put(KEY, ANSWER, 60.0)
        await leader.flush()
        assert await other.claim(KEY, PATIENT_S) == Claim(ANSWER, leads=True)
        assert other.stats()["leases_held"] == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_failure_another_asks_at_once(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (leader, follower):
        await leader.claim(KEY, PATIENT_S)
        waiting = asyncio.create_task(follower.landed(KEY))
        leader.release(KEY, Ending.FAILED)
        assert await waiting == Landing(Ending.FAILED)
        assert await follower.claim(KEY, PATIENT_S) == LEADS
        assert await leader.claim(KEY, PATIENT_S) == FOLLOWS
        leader.release(KEY, Ending.FAILED)
        await leader.flush()
        assert await leader.claim(KEY, PATIENT_S) == FOLLOWS, "nobody gives up what another holds"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_is_nobody_elses_sends_all_who_wait_alone(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (leader, follower):
        await leader.claim(KEY, PATIENT_S)
        waiting = asyncio.create_task(follower.landed(KEY))
        leader.release(KEY, Ending.NOT_KEPT)
        assert await waiting == Landing(Ending.NOT_KEPT)
        assert await follower.claim(KEY, PATIENT_S) == LEADS, "whoever comes meanwhile waits for nobody"
        assert follower.stats()["leases_held"] == 0


async def test_the_lease_of_a_worker_that_lives_is_renewed_and_that_of_a_dead_one_is_soon_over(
    server: RedisServer,
) -> None:
    async with workers(KINDS[0], server, BRIEF) as (leader, follower):
        await leader.claim(KEY, PATIENT_S)
        waiting = asyncio.create_task(follower.landed(KEY))
        done, _ = await asyncio.wait([waiting], timeout=3 * BRIEF.lease_s)
        assert not done
        # A dead one renews nothing and gives nothing up.
        await leader.aclose()
        assert await waiting == Landing(Ending.FAILED)
        assert await follower.claim(KEY, PATIENT_S) == LEADS


async def test_an_answer_that_came_while_it_was_asked_for_is_not_asked_for_again(server: RedisServer) -> None:
    async with workers(KINDS[0], server) as (leader, _):
        await leader.look()
        asking = asyncio.create_task(leader.claim(KEY, PATIENT_S))
        await asyncio.sleep(0)
        leader.put(KEY, ANSWER, 60.0)
        assert await asking == Claim(ANSWER, leads=True)
        assert leader.stats()["leases_held"] == 0


async def test_without_redis_everybody_asks_and_nobody_waits() -> None:
    with running_redis() as server:
        client = client_of(server)
        cache = cache_on(client, BRIEF)
        try:
            assert await cache.claim(KEY, PATIENT_S) == LEADS
            server.kill()
            assert await cache.claim(OTHER, 0.2) == LEADS
            assert await cache.landed(KEY) == Landing(Ending.FAILED)
            await eventually(lambda: client.stats()["state"] == "open" or client.stats()["failures"])
        finally:
            await cache.aclose()
            await client.aclose()


async def test_a_reply_to_another_claim_is_none_and_ends_the_connection(server: RedisServer) -> None:
    async with clients_on(KINDS[0], server, 1) as (client,):
        cache = cache_on(client)
        try:
            answered = client.call

            def mixed_up(*command: bytes | str | int, timeout_s: float) -> "asyncio.Future[Reply]":
                if command[0] == "EVALSHA":
                    command = (*command[:4], str(command[4]).replace("a" * 64, "b" * 64), *command[5:])
                return answered(*command, timeout_s=timeout_s)

            await cache.claim(OTHER, PATIENT_S)
            client.call = mixed_up  # type: ignore[method-assign] # a connection that mixes replies up
            before = client.stats()["failures"]
            assert await cache.claim(KEY, PATIENT_S) == LEADS
            assert cache.stats()["leases_held"] == 1, "the other tenant's alone"
            assert client.stats()["failures"] != before
        finally:
            await cache.aclose()
