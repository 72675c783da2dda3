"""Answered requests that any worker can find: this process's newest, then Redis. What was said lies there."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, RedisUnavailable, Reply
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.domain.feedback import AnsweredRequest, Feedback
from gateway.domain.ids import RequestId, TenantId
from gateway.ports import StoreUnavailable

_BYTES_MAX = 64 * 1024
"""A request has some 400 bytes, or 20 kB with its text; more than this under our key is not one."""


@dataclass(frozen=True, slots=True)
class RedisAnsweredSettings:
    """Requests stay in Redis for `ttl_s` (a day, as long as their receipts), and so does what was said of them."""

    kept: int = 1_000
    ttl_s: int = 86_400
    timeout_s: float = 0.25
    """Feedback is nobody's hot path: a busy Redis may take its time."""
    writes: WriteBehindSettings = DEFAULT_WRITES


class RedisAnswered:
    """Share answered requests over workers. The client is the caller's and stays open."""

    def __init__(self, client: RedisClient, settings: RedisAnsweredSettings | None = None) -> None:
        self._client = client
        self._settings = settings or RedisAnsweredSettings()
        self._newest = MemoryAnswered(self._settings.kept)
        self._writes = WriteBehind(client, self._settings.writes)
        self._encoder = msgspec.msgpack.Encoder()
        self._requests = msgspec.msgpack.Decoder(AnsweredRequest)
        self._opinions = msgspec.msgpack.Decoder(Feedback)
        self._counts = {"errors": 0, "corrupt": 0}

    def put(self, answered: AnsweredRequest) -> None:
        """Remember the request here at once and in Redis soon."""
        self._newest.put(answered)
        if self._client.is_open:
            return
        value = self._encoder.encode(answered)
        key = _request_key(answered.tenant, answered.request_id)
        self._writes.put(("SET", key, value, "EX", self._settings.ttl_s), len(value))

    async def get(self, tenant: TenantId, request_id: RequestId) -> AnsweredRequest | None:
        """Return the tenant's request of that id. Raises StoreUnavailable."""
        newest = await self._newest.get(tenant, request_id)
        if newest is not None:
            return newest
        raw = await self._ask("GETRANGE", _request_key(tenant, request_id), 0, _BYTES_MAX - 1)
        if not isinstance(raw, bytes) or not raw:
            return None
        try:
            answered = self._requests.decode(raw)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return None
        if (answered.tenant, answered.request_id) != (tenant, request_id):
            self._counts["corrupt"] += 1
            self._client.distrust("an answered request came back under another key")
            return None
        return answered

    async def note(self, tenant: TenantId, request_id: RequestId, feedback: Feedback) -> Feedback | None:
        """Record what is said now, and return what was said before. Raises StoreUnavailable."""
        key, value = _opinion_key(tenant, request_id), self._encoder.encode(feedback)
        return self._opinion(await self._ask("SET", key, value, "EX", self._settings.ttl_s, "GET"))

    async def noted(self, tenant: TenantId, request_id: RequestId) -> Feedback | None:
        """Return what was said of the tenant's request. Raises StoreUnavailable."""
        return self._opinion(await self._ask("GETRANGE", _opinion_key(tenant, request_id), 0, _BYTES_MAX - 1))

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def stats(self) -> Mapping[str, int]:
        """Count what happened since the start."""
        return {**self._counts, **self._writes.stats()}

    async def _ask(self, *command: Argument) -> Reply:
        try:
            return await self._client.call(*command, timeout_s=self._settings.timeout_s)
        except RedisUnavailable as error:
            self._counts["errors"] += 1
            raise StoreUnavailable from error

    def _opinion(self, raw: Reply) -> Feedback | None:
        if not isinstance(raw, bytes) or not raw:
            return None
        try:
            return self._opinions.decode(raw)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return None


def _request_key(tenant: TenantId, request_id: RequestId) -> str:
    return f"{tenant_prefix(tenant)}an:{request_id}"


def _opinion_key(tenant: TenantId, request_id: RequestId) -> str:
    return f"{tenant_prefix(tenant)}fb:{request_id}"
