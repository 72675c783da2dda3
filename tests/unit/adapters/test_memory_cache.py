"""The exact cache of one process: what it counts, and how it is bounded. Its contract is in tests/contract."""

from gateway.adapters.memory_cache import MemoryCache, key_named, local_name
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.purge import Selection, Tally
from tests.support.clocks import ManualClock

ANSWER = CachedAnswer(b"x" * 1_000, "small", "m", 1, 1, 0.0)


def key(number: int) -> ExactKey:
    return ExactKey(TenantId("alice"), f"{number:064x}")


async def test_answers_beyond_the_bound_push_out_the_least_recently_used() -> None:
    cache = MemoryCache(ManualClock(), bytes_max=5_000)
    for number in range(10):
        cache.put(key(number), ANSWER, 60.0)
    kept = [number for number in range(10) if await cache.get(key(number)) is not None]
    assert kept == [7, 8, 9]
    assert cache.stats() == {
        "hits": 3,
        "misses": 7,
        "too_large": 0,
        "void": 0,
        "entries": 3,
        "used_bytes": 3 * 1_576,
        "evicted": 7,
    }


async def test_a_hit_does_not_prolong_an_answer() -> None:
    clock = ManualClock()
    cache = MemoryCache(clock)
    cache.put(key(1), ANSWER, 60.0)
    clock.advance(59.0)
    assert await cache.get(key(1)) == ANSWER
    clock.advance(1.0)
    assert await cache.get(key(1)) is None


def test_no_two_keys_share_a_name() -> None:
    assert local_name(ExactKey(TenantId("a"), "b" * 64)) != local_name(ExactKey(TenantId("b"), "b" * 64))
    for name in ("", "a", "group:ü"):
        assert key_named(local_name(ExactKey(TenantId(name), "b" * 64))) == ExactKey(TenantId(name), "b" * 64)


async def test_purged_answers_give_their_memory_back() -> None:
    cache = MemoryCache(ManualClock())
    for number in range(3):
        cache.put(key(number), ANSWER, 60.0)
    assert await cache.purge(Selection(TenantId("alice"), entry=key(1).digest)) == Tally(1, 1_000)
    assert cache.stats()["entries"] == 2
    assert await cache.purge(Selection(TenantId("alice"))) == Tally(2, 2_000)
    assert cache.stats()["used_bytes"] == 0
    cache.put(key(1), ANSWER, 60.0)
    assert (cache.stats()["entries"], cache.stats()["void"]) == (0, 1)


async def test_alone_there_is_nobody_to_hear_of_purges_from() -> None:
    await MemoryCache(ManualClock()).listen()
