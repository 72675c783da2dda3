"""The exact cache that workers share: this process's memory first, then Redis.

A value names the key it was stored under. One that comes back under another key is a miss, an alarm, and the end of the
connection that brought it: mixed-up replies have leaked answers between users before.

    tg:{tag of the tenant}:x:DIGEST    an answer; see `cache_value`, and `redis_purges` for what makes it void

Who asks for an answer that is not there is agreed upon in the same step; see `redis_leases`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from gateway.adapters.cache_value import VALUE_BYTES_MAX, read_value, write_value
from gateway.adapters.memory_cache import BYTES_MAX, is_of, key_named, local_name
from gateway.adapters.memory_lru import ByteLru
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_leases import DEFAULT_LEASES, NOBODY_ELSES, RedisLeases, RedisLeasesSettings, watch
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.adapters.redis_purges import DEFAULT_PURGES, RedisPurges, RedisPurgesSettings
from gateway.adapters.redis_sweep import DEFAULT_SWEEP, RedisSweepSettings, sweep
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.core.purges import entry_in
from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.flight import Claim, Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.purge import Selection, Tally
from gateway.ports import Clock, StoreUnavailable

_PATIENCE_S = 0.5
"""For who asks about purges: seldom, and not within a request for an answer."""


@dataclass(frozen=True, slots=True)
class RedisCacheSettings:
    """`get_timeout_s` bounds what a request waits. Answers seen within `local_max_age_s` are not asked for again."""

    get_timeout_s: float = 0.005
    local_max_age_s: float = 5.0
    local_bytes_max: int = BYTES_MAX
    writes: WriteBehindSettings = DEFAULT_WRITES
    purges: RedisPurgesSettings = DEFAULT_PURGES
    sweep: RedisSweepSettings = DEFAULT_SWEEP
    leases: RedisLeasesSettings = DEFAULT_LEASES


@dataclass(frozen=True, slots=True)
class _Local:
    answer: CachedAnswer
    seen_s: float


class RedisCache:
    """Share answers over workers.

    What this process remembers is given only while it is known what was purged: for `purges.lag_s` after the last word
    from Redis, and no longer. The client is the caller's: closing the cache leaves it open.
    """

    def __init__(self, client: RedisClient, clock: Clock, settings: RedisCacheSettings | None = None) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings or RedisCacheSettings()
        self._local: ByteLru[_Local] = ByteLru(self._settings.local_bytes_max)
        self._writes = WriteBehind(client, self._settings.writes)
        self._leases = RedisLeases(client, self._writes, uuid4().hex, self._settings.leases)
        self._purges = RedisPurges(client, clock, self._settings.purges, on_purged=self._forget_void)
        self._counts = {
            "hits_local": 0,
            "hits_redis": 0,
            "hits_while_down": 0,
            "misses": 0,
            "errors": 0,
            "corrupt": 0,
            "mismatches": 0,
            "too_large": 0,
            "void": 0,
        }

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return the answer kept under the key, or None within `get_timeout_s`."""
        return (await self._find(key, self._settings.get_timeout_s, claims=False)).answer

    async def claim(self, key: ExactKey, within_s: float) -> Claim:
        """Return the answer kept under the key, or say who asks for it. In trouble, and in doubt, this worker does."""
        return await self._find(key, min(within_s, self._settings.get_timeout_s), claims=True)

    def release(self, key: ExactKey, ending: Ending) -> None:
        """Say that this worker does not ask any more, soon, and behind what it has put."""
        self._leases.release(key, ending)

    def watch(self, key: ExactKey, tell: Callable[[Landing], None]) -> Callable[[], object]:
        """Tell, once, when the worker that asks has an answer, or asks no more; return what ends the watch."""
        return watch(self.landed(key), tell)

    async def landed(self, key: ExactKey) -> Landing:
        """Wait until the worker that asks has an answer, or asks no more. In trouble nobody is waited for."""
        for looks in count():
            await self._leases.pause(looks)
            try:
                holder, raw = await self._leases.look(key, _redis_key(key), VALUE_BYTES_MAX - 1)
            except RedisUnavailable:
                break
            answer = self._open(key, raw) if isinstance(raw, bytes) and raw else None
            if answer is not None:
                return Landing(Ending.KEPT, answer)
            if holder == NOBODY_ELSES:
                return Landing(Ending.NOT_KEPT)
            if not self._leases.is_anothers(holder):
                break
        return Landing(Ending.FAILED)

    async def _find(self, key: ExactKey, within_s: float, *, claims: bool) -> Claim:
        now_s = self._clock.now_s()
        is_sure = self._purges.holds(key.tenant, now_s)
        local = self._local_answer(key, now_s) if is_sure else None
        if local is not None and self._is_new(local, now_s):
            self._counts["hits_local"] += 1
            return Claim(local.answer, leads=True)
        try:
            raw, leads = await self._ask(key, within_s, is_sure=is_sure, claims=claims)
        except RedisUnavailable:
            self._counts["errors"] += 1
            self._counts["misses" if local is None else "hits_while_down"] += 1
            return Claim(None if local is None else local.answer, leads=True)
        local, now_s = self._local_answer(key, now_s), self._clock.now_s()
        if local is not None and self._is_new(local, now_s):
            # It came, or it is sure, only since Redis was asked, and may not have been written yet.
            self._counts["hits_local"] += 1
            self._leases.release(key, Ending.KEPT)
            return Claim(local.answer, leads=True)
        answer = self._open(key, raw) if isinstance(raw, bytes) and raw else None
        if answer is None:
            self._local.drop(local_name(key))
        self._counts["misses" if answer is None else "hits_redis"] += 1
        return Claim(answer, leads)

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep the answer here at once and in Redis soon."""
        if len(answer.body) > ANSWER_BYTES_MAX:
            self._counts["too_large"] += 1
            return
        self._keep_local(key, answer, ttl_s)
        if self._client.is_open:
            return
        value = write_value(key, answer, ttl_s)
        if value is None:
            self._counts["too_large"] += 1
            return
        ttl_ms = max(1, int(ttl_s * 1_000))
        self._writes.put(("SET", _redis_key(key), value, "PX", ttl_ms), len(value))

    def purge_number(self, tenant: TenantId) -> int:
        """Return the number of the tenant's last purge known here; one unheard of makes what is kept under it void."""
        return self._purges.marks(tenant).number

    async def purge(self, selection: Selection) -> Tally:
        """Make the answers selected void for every worker, and free what Redis holds of them as far as time allows."""
        await self._purges.note(selection)
        try:
            number = self.purge_number(selection.tenant)
            return await sweep(self._client, self._clock, selection, self._settings.sweep, purge=number)
        except RedisUnavailable:
            return Tally(is_complete=False)

    async def was_purged(self, key: ExactKey) -> bool:
        """Tell whether this very answer was purged before. Raises StoreUnavailable."""
        try:
            reply = await self._purges.ask(key.tenant, _PATIENCE_S)
        except RedisUnavailable as error:
            raise StoreUnavailable from error
        self._purges.learn(key.tenant, reply)
        return self._purges.marks(key.tenant).has_entry(key.digest)

    async def count(self, selection: Selection) -> Tally:
        """Count the answers selected that lie in Redis. Raises StoreUnavailable."""
        try:
            return await sweep(self._client, self._clock, selection, self._settings.sweep)
        except RedisUnavailable as error:
            raise StoreUnavailable from error

    async def listen(self) -> None:
        """Hear of purges until cancelled."""
        await self._purges.listen()

    async def look(self) -> None:
        """Hear of the purges there were until now."""
        await self._purges.look()

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._leases.aclose()
        await self._writes.aclose()

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened since the start; `state` is the connection's."""
        return {
            **self._counts,
            **self._writes.stats(),
            **self._purges.stats(),
            **self._leases.stats(),
            "entries": len(self._local),
            "used_bytes": self._local.used_bytes,
            "evicted": self._local.evicted,
            "state": self._client.stats()["state"],
        }

    async def _ask(self, key: ExactKey, within_s: float, *, is_sure: bool, claims: bool) -> tuple[Reply, bool]:
        """Ask Redis for a value, and where it is not known what was purged, for that in the same turn."""
        ask = self._claim if claims else self._read
        if is_sure:
            return await ask(key, within_s)
        marks, said = await asyncio.gather(self._purges.ask(key.tenant, within_s), ask(key, within_s))
        self._purges.learn(key.tenant, marks)
        return said

    async def _read(self, key: ExactKey, within_s: float) -> tuple[Reply, bool]:
        value = await self._client.call("GETRANGE", _redis_key(key), 0, VALUE_BYTES_MAX - 1, timeout_s=within_s)
        return value, True

    async def _claim(self, key: ExactKey, within_s: float) -> tuple[Reply, bool]:
        value, leads = await self._leases.claim(key, _redis_key(key), VALUE_BYTES_MAX - 1, within_s)
        return value, leads or bool(value)

    def _is_new(self, local: _Local, now_s: float) -> bool:
        return now_s - local.seen_s <= self._settings.local_max_age_s

    def _local_answer(self, key: ExactKey, now_s: float) -> _Local | None:
        local = self._local.get(local_name(key), now_s)
        if local is not None and self._purges.marks(key.tenant).makes_void(key.digest, local.answer):
            self._local.drop(local_name(key))
            self._counts["void"] += 1
            return None
        return local

    def _forget_void(self, tenant: TenantId, marks: Sequence[str]) -> None:
        """Let go of a tenant's answers that marks of these names make void.

        Only where they are about more than single entries is everything looked at: 4 ms for thirty thousand answers.
        """
        entries = [entry_in(mark) for mark in marks]
        names = [local_name(ExactKey(tenant, entry)) for entry in entries if entry is not None]
        if None in entries:
            names = [name for name, _ in self._local.items() if is_of(name, tenant)]
        known, now_s = self._purges.marks(tenant), self._clock.now_s()
        for name in names:
            local = self._local.get(name, now_s)
            if local is not None and known.makes_void(key_named(name).digest, local.answer):
                self._local.drop(name)

    def _open(self, key: ExactKey, raw: bytes) -> CachedAnswer | None:
        value = read_value(raw)
        if value is None:
            self._discard(key)
            return None
        head, body = value
        if not head.is_of(key):
            self._counts["mismatches"] += 1
            self._client.distrust("a cached answer came back under another key")
            return None
        answer = head.answer(body)
        if self._purges.marks(key.tenant).makes_void(key.digest, answer):
            self._counts["void"] += 1
            return None
        # Clocks may differ between workers: never older than new, never younger than its whole time to live.
        left_s = min(head.ttl_s, head.stored_at_s + head.ttl_s - self._clock.wall_s())
        self._keep_local(key, answer, left_s)
        return answer

    def _discard(self, key: ExactKey) -> None:
        self._counts["corrupt"] += 1
        self._writes.put(("UNLINK", _redis_key(key)), 0)

    def _keep_local(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        now_s = self._clock.now_s()
        self._local.put(local_name(key), _Local(answer, now_s), len(answer.body), now_s + ttl_s)


def _redis_key(key: ExactKey) -> str:
    return f"{tenant_prefix(key.tenant)}x:{key.digest}"
