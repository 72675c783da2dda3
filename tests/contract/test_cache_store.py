"""What every cache of exact answers keeps to: in memory, and in Redis shared by workers."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.core.cache_rules import exact_key, tenant_secret
from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.identity import CachedAnswer, CacheScope, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection, Tally
from gateway.ports import CacheStore
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on
from tests.support.waiting import eventually

STORES = ["memory", "redis, same worker", "redis, other worker", f"{SIMULATED}, other worker"]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


def key_of(tenant: str, identity: bytes) -> ExactKey:
    name = TenantId(tenant)
    return exact_key(CacheScope(name, tenant_secret(b"master", name)), identity)


ANSWER = CachedAnswer(b'{"id":"chatcmpl-1","\x00":1}', "small", "qwen", 12, 34, stored_at_s=MonotonicClock().wall_s())


class Stores:
    """A cache to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: CacheStore, reader: CacheStore) -> None:
        self.writer = writer
        self.reader = reader

    async def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float = 60.0) -> None:
        self.writer.put(key, answer, ttl_s)
        if isinstance(self.writer, RedisCache):
            await self.writer.flush()

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        return await self.reader.get(key)

    async def purge(self, selection: Selection) -> Tally:
        """Purge through the writer, and let the reader hear of it as its listener does."""
        tally = await self.writer.purge(selection)
        await self.hear()
        return tally

    async def hear(self) -> None:
        """Let the reader look for purges, as its listener does."""
        if isinstance(self.reader, RedisCache):
            await self.reader.look()

    async def pause(self) -> None:
        """Let other work run, as a poll does between its looks."""
        waited = iter((False, True))
        await eventually(lambda: next(waited))


@asynccontextmanager
async def opened(kind: str, server: RedisServer) -> AsyncIterator[Stores]:
    clock = MonotonicClock()
    if kind == "memory":
        memory = MemoryCache(clock)
        yield Stores(memory, memory)
        await memory.aclose()
        return
    settings = RedisCacheSettings(get_timeout_s=PATIENT_S)
    async with stores_on(kind, server, lambda client: RedisCache(client, clock, settings)) as caches:
        yield Stores(caches[0], caches[0 if kind == "redis, same worker" else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_an_answer_comes_back_byte_for_byte(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key = key_of("alice", b"question")
        assert await stores.get(key) is None
        await stores.put(key, ANSWER)
        assert await stores.get(key) == ANSWER


@pytest.mark.parametrize("kind", STORES)
async def test_the_same_request_of_two_tenants_never_shares_an_answer(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        of_alice, of_bob = key_of("alice", b"question"), key_of("bob", b"question")
        await stores.put(of_alice, ANSWER)
        assert await stores.get(of_bob) is None
        # Nor does a tenant who somehow learned the digest reach into the other's partition.
        assert await stores.get(replace(of_alice, tenant=TenantId("bob"))) is None
        assert await stores.get(of_alice) == ANSWER


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("tenant", ["{alice}", "a*", "a:b\r\nFLUSHALL", "ünï", ""])
async def test_no_name_of_a_tenant_breaks_the_store(kind: str, tenant: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(key_of(tenant, b"question"), ANSWER)
        await stores.put(key_of("other", b"question"), replace(ANSWER, body=b"other"))
        assert await stores.get(key_of(tenant, b"question")) == ANSWER


@pytest.mark.parametrize("kind", STORES)
async def test_the_newest_answer_replaces_the_older(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key = key_of("alice", b"question")
        await stores.put(key, ANSWER)
        await stores.put(key, replace(ANSWER, body=b"newer"))
        assert await stores.get(key) == replace(ANSWER, body=b"newer")


@pytest.mark.parametrize("kind", STORES)
async def test_an_answer_is_gone_after_its_time_to_live(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key = key_of("alice", b"question")
        await stores.put(key, ANSWER, ttl_s=0.02)
        started_s = time.monotonic()
        while await stores.get(key) is not None:
            assert time.monotonic() - started_s < PATIENT_S
            await stores.pause()


@pytest.mark.parametrize("kind", STORES)
async def test_case_44_an_answer_too_large_is_not_kept(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key = key_of("alice", b"question")
        await stores.put(key, replace(ANSWER, body=b"x" * (ANSWER_BYTES_MAX + 1)))
        assert await stores.get(key) is None


@pytest.mark.parametrize("kind", STORES)
async def test_the_largest_answer_allowed_is_kept_whole(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        key, largest = key_of("alice", b"question"), replace(ANSWER, body=b"x" * ANSWER_BYTES_MAX)
        await stores.put(key, largest)
        assert await stores.get(key) == largest


CAREFUL = RouteName("careful")


@pytest.mark.parametrize("kind", STORES)
async def test_a_purged_tenant_has_no_answers_and_the_others_have_theirs(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        for tenant in ("alice", "bob"):
            await stores.put(key_of(tenant, b"question"), ANSWER)
            assert await stores.get(key_of(tenant, b"question")) == ANSWER
        await stores.hear()
        selection = Selection(TenantId("alice"))
        counted = Tally(1, len(ANSWER.body))
        assert await stores.writer.count(selection) == counted
        assert await stores.purge(selection) == counted
        assert await stores.get(key_of("alice", b"question")) is None
        assert await stores.get(key_of("bob", b"question")) == ANSWER
        assert await stores.writer.count(selection) == Tally()


@pytest.mark.parametrize("kind", STORES)
async def test_a_purge_takes_a_route_an_entry_or_what_is_old(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        alice, keys = TenantId("alice"), {name: key_of("alice", name.encode()) for name in ("plain", "careful", "old")}
        answers = {
            "plain": ANSWER,
            "careful": replace(ANSWER, route=CAREFUL),
            "old": replace(ANSWER, stored_at_s=ANSWER.stored_at_s - 3_600.0),
        }
        for selection, gone in (
            (Selection(alice, CAREFUL), "careful"),
            (Selection(alice, until_s=ANSWER.stored_at_s - 60.0), "old"),
            (Selection(alice, entry=keys["plain"].digest), "plain"),
        ):
            number = stores.writer.purge_number(alice)
            for name, answer in answers.items():
                await stores.put(keys[name], replace(answer, purge=number))
                assert await stores.get(keys[name]) is not None
            assert await stores.purge(selection) == Tally(1, len(ANSWER.body))
            assert [name for name in keys if await stores.get(keys[name]) is None] == [gone]
            assert await stores.writer.was_purged(keys[gone]) is (selection.entry is not None)


@pytest.mark.parametrize("kind", STORES)
async def test_an_answer_asked_for_before_a_purge_is_not_given_however_late_it_is_kept(
    kind: str, server: RedisServer
) -> None:
    async with opened(kind, server) as stores:
        key = key_of("alice", b"question")
        asked_at = stores.reader.purge_number(key.tenant)
        await stores.purge(Selection(key.tenant))
        await stores.put(key, replace(ANSWER, purge=asked_at))
        assert await stores.get(key) is None
        late = replace(ANSWER, purge=stores.writer.purge_number(key.tenant))
        assert late.purge > asked_at
        await stores.put(key, late)
        assert await stores.get(key) == late


@pytest.mark.parametrize("kind", STORES)
async def test_what_was_never_purged_is_not_said_to_be(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        assert not await stores.reader.was_purged(key_of("alice", b"question"))
        assert stores.reader.purge_number(TenantId("alice")) == 0
