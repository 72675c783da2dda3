"""The exact cache of one process."""

from collections.abc import Mapping

from gateway.adapters.memory_lru import ByteLru
from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.ports import Clock

BYTES_MAX = 64 * 1024 * 1024
"""About thirty thousand answers of 2 kB for a worker."""


class MemoryCache:
    """Keep whole answers in memory, least recently used out first."""

    def __init__(self, clock: Clock, *, bytes_max: int = BYTES_MAX) -> None:
        self._clock = clock
        self._entries: ByteLru[CachedAnswer] = ByteLru(bytes_max)
        self._counts = {"hits": 0, "misses": 0, "too_large": 0}

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return the answer kept under the key."""
        answer = self._entries.get(local_name(key), self._clock.now_s())
        self._counts["misses" if answer is None else "hits"] += 1
        return answer

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep the answer for `ttl_s`; a hit does not prolong it."""
        if len(answer.body) > ANSWER_BYTES_MAX:
            self._counts["too_large"] += 1
            return
        self._entries.put(local_name(key), answer, len(answer.body), self._clock.now_s() + ttl_s)

    async def aclose(self) -> None:
        """Nothing to close."""

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened since the start."""
        return {**self._counts, "entries": len(self._entries), "used_bytes": self._entries.used_bytes}


def local_name(key: ExactKey) -> str:
    """Name an entry within the process. The digest has a fixed length, so no two keys share a name."""
    return key.digest + key.tenant
