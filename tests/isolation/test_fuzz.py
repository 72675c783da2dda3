"""Whatever tenants do at once to a cache, nobody is given another's answer or a purged one; and the check can fail."""

from dataclasses import replace

import pytest

from gateway.adapters.memory_cache import MemoryCache
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.purge import Selection, Tally
from gateway.ports import CacheStore, StoreUnavailable
from tests.isolation.fuzz import Fuzz, Player, Verdict
from tests.isolation.stores import KINDS, opened, wall_s
from tests.support.clocks import ManualClock

SHORT = Fuzz(5_000, tenants=50, texts=20)


async def played(fuzz: Fuzz, *caches: CacheStore) -> Verdict:
    async with opened("memory") as alone:
        return await Player(fuzz, caches, alone.hear, wall_s, lambda _: None).play()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_is_given_an_answer_of_another_tenant_or_a_purged_one(kind: str, seed: int) -> None:
    async with opened(kind) as caches:
        player = Player(replace(SHORT, seed=seed), caches.caches, caches.hear, wall_s, lambda _: None)
        verdict = await player.play()
    assert verdict.leaks == []
    assert verdict.stale == []
    assert verdict.done["hit"] > 500, "the cache was of use"
    assert min(verdict.done[name] for name in ("report", "steal", "purge entry", "purge route", "purge all")) > 0


class OneForAll(MemoryCache):
    """A cache that forgets whose an answer is."""

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return whatever lies there."""
        return await super().get(replace(key, tenant=TenantId("")))

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep it for all."""
        super().put(replace(key, tenant=TenantId("")), answer, ttl_s)


class Deaf(MemoryCache):
    """A cache that forgets nothing."""

    async def purge(self, selection: Selection) -> Tally:
        """Do nothing."""
        return Tally()


class Mixed(MemoryCache):
    """A cache that now and then gives the last answer to whoever asks."""

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self._last: CachedAnswer | None = None
        self._asked = 0

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Mix up every hundredth answer."""
        self._asked += 1
        return self._last if self._asked % 100 == 0 else await super().get(key)

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep it, and remember it."""
        self._last = answer
        super().put(key, answer, ttl_s)


class Away(Deaf):
    """A cache whose purges are not noted, and whose operators are told so."""

    async def purge(self, selection: Selection) -> Tally:
        """Tell that nobody knows."""
        raise StoreUnavailable


async def test_a_purge_in_doubt_promises_nothing() -> None:
    verdict = await played(SHORT, Away(ManualClock()))
    assert verdict.is_sound
    assert verdict.done["purge in doubt"] > 0


async def test_a_cache_that_mixes_tenants_up_is_found_out() -> None:
    assert (await played(SHORT, OneForAll(ManualClock()))).leaks
    assert (await played(SHORT, Mixed())).leaks


async def test_a_cache_that_does_not_purge_is_found_out() -> None:
    verdict = await played(SHORT, Deaf(ManualClock()))
    assert verdict.stale
    assert not verdict.is_sound
