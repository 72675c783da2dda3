"""The exact cache of one process: what it counts, and how it is bounded. Its contract is in tests/contract."""

from gateway.adapters.memory_cache import MemoryCache, local_name
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
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
    assert cache.stats() == {"hits": 3, "misses": 7, "too_large": 0, "entries": 3, "used_bytes": 3 * 1_576}


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
