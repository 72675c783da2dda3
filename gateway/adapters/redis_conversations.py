"""Where conversations stand, shared by workers: Redis, and what this process saw last.

Any worker may have had the turn before, so Redis is asked each time; while it does not answer, what was seen here will
do. A value names the key it was stored under, as the cache's do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.ids import EndpointId, TierName
from gateway.ports import Clock

_VERSION = 1
_BYTES_MAX = 1_024
"""A standing has some hundred bytes; no more is ever read."""


@dataclass(frozen=True, slots=True)
class RedisConversationsSettings:
    """`get_timeout_s` bounds what a request waits, as long as for the cache."""

    get_timeout_s: float = 0.005
    writes: WriteBehindSettings = DEFAULT_WRITES


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """A standing as it lies in Redis."""

    version: int
    tenant: str
    digest: str
    tier: str
    endpoint: str
    prefix_tokens: int
    easy_turns: int
    at_s: float
    is_mixed: bool = False


class RedisConversations:
    """Share standings over workers. The client is the caller's and stays open."""

    def __init__(self, client: RedisClient, clock: Clock, settings: RedisConversationsSettings | None = None) -> None:
        self._client = client
        self._settings = settings or RedisConversationsSettings()
        self._seen = MemoryConversations(clock)
        self._writes = WriteBehind(client, self._settings.writes)
        self._decoder = msgspec.msgpack.Decoder(_Stored)
        self._counts = {"errors": 0, "corrupt": 0, "mismatches": 0}

    async def get(self, key: ConversationKey) -> Standing | None:
        """Return the conversation's standing within `get_timeout_s`; the newer of what Redis and this process know."""
        seen = self._seen.find(key)
        try:
            raw = await self._client.call(
                "GETRANGE", _redis_key(key), 0, _BYTES_MAX - 1, timeout_s=self._settings.get_timeout_s
            )
        except RedisUnavailable:
            self._counts["errors"] += 1
            return seen
        found = self._open(key, raw) if isinstance(raw, bytes) and raw else None
        if found is None or seen is None:
            return found or seen
        return found if found.at_s >= seen.at_s else seen

    def put(self, key: ConversationKey, standing: Standing, ttl_s: float) -> None:
        """Remember the standing here at once and in Redis soon."""
        self._seen.put(key, standing, ttl_s)
        if self._client.is_open:
            return
        value = msgspec.msgpack.encode(
            _Stored(
                _VERSION,
                key.tenant,
                key.digest,
                standing.tier,
                standing.endpoint,
                standing.prefix_tokens,
                standing.easy_turns,
                standing.at_s,
                standing.is_mixed,
            )
        )
        self._writes.put(("SET", _redis_key(key), value, "PX", max(1, int(ttl_s * 1_000))), len(value))

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def stats(self) -> Mapping[str, int]:
        """Count what happened since the start."""
        return {**self._counts, **self._writes.stats()}

    def _open(self, key: ConversationKey, raw: bytes) -> Standing | None:
        try:
            stored = self._decoder.decode(raw)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return None
        if stored.version != _VERSION:
            return None
        if (stored.tenant, stored.digest) != (key.tenant, key.digest):
            self._counts["mismatches"] += 1
            self._client.distrust("a conversation came back under another key")
            return None
        return Standing(
            TierName(stored.tier),
            EndpointId(stored.endpoint),
            stored.prefix_tokens,
            stored.easy_turns,
            stored.at_s,
            stored.is_mixed,
        )


def _redis_key(key: ConversationKey) -> str:
    return f"{tenant_prefix(key.tenant)}cv:{key.digest}"
