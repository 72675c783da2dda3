"""The exact cache that workers share: this process's memory first, then Redis.

A value names the key it was stored under. One that comes back under another key is a miss, an alarm, and the end of the
connection that brought it: mixed-up replies have leaked answers between users before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.adapters.cache_value import VALUE_BYTES_MAX, read_value, write_value
from gateway.adapters.memory_cache import BYTES_MAX, local_name
from gateway.adapters.memory_lru import ByteLru
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class RedisCacheSettings:
    """`get_timeout_s` bounds what a request waits. Answers seen within `local_max_age_s` are not asked for again."""

    get_timeout_s: float = 0.005
    local_max_age_s: float = 5.0
    local_bytes_max: int = BYTES_MAX
    writes: WriteBehindSettings = DEFAULT_WRITES


@dataclass(frozen=True, slots=True)
class _Local:
    answer: CachedAnswer
    seen_s: float


class RedisCache:
    """Share answers over workers. While Redis does not answer, serve what this process remembers.

    The client is the caller's: closing the cache leaves it open.
    """

    def __init__(self, client: TurnClient, clock: Clock, settings: RedisCacheSettings | None = None) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings or RedisCacheSettings()
        self._local: ByteLru[_Local] = ByteLru(self._settings.local_bytes_max)
        self._writes = WriteBehind(client, self._settings.writes)
        self._counts = {
            "hits_local": 0,
            "hits_redis": 0,
            "hits_while_down": 0,
            "misses": 0,
            "errors": 0,
            "corrupt": 0,
            "mismatches": 0,
            "too_large": 0,
        }

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return the answer kept under the key, or None within `get_timeout_s`."""
        name = local_name(key)
        local = self._local.get(name, self._clock.now_s())
        if local is not None and self._clock.now_s() - local.seen_s <= self._settings.local_max_age_s:
            self._counts["hits_local"] += 1
            return local.answer
        try:
            raw = await self._client.call(
                "GETRANGE", _redis_key(key), 0, VALUE_BYTES_MAX - 1, timeout_s=self._settings.get_timeout_s
            )
        except RedisUnavailable:
            self._counts["errors"] += 1
            self._counts["misses" if local is None else "hits_while_down"] += 1
            return None if local is None else local.answer
        answer = self._open(key, raw) if isinstance(raw, bytes) and raw else None
        if answer is None:
            self._local.drop(name)
        self._counts["misses" if answer is None else "hits_redis"] += 1
        return answer

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

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened since the start; `state` is the connection's."""
        return {
            **self._counts,
            **self._writes.stats(),
            "entries": len(self._local),
            "used_bytes": self._local.used_bytes,
            "state": self._client.stats()["state"],
        }

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
