"""Receipts that any worker can find: this process's newest first, then Redis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt, ReceiptTerms
from gateway.ports import Clock

DEFAULT_TERMS = ReceiptTerms()
_RECEIPT_BYTES_MAX = 256 * 1024
"""A receipt has some 2 kB; more than this under our key is not one."""


@dataclass(frozen=True, slots=True)
class ReceiptCodec:
    """How a receipt is written. `decode` raises ValueError for bytes that are none."""

    encode: Callable[[Receipt], bytes]
    decode: Callable[[bytes], Receipt]


@dataclass(frozen=True, slots=True)
class RedisReceiptsSettings:
    """Receipts stay in Redis for as long as the terms say, and here besides as they say."""

    terms: ReceiptTerms = DEFAULT_TERMS
    get_timeout_s: float = 0.02
    writes: WriteBehindSettings = DEFAULT_WRITES


class RedisReceipts:
    """Share receipts over workers, each with its own tenant only. The client is the caller's and stays open."""

    def __init__(
        self, client: RedisClient, codec: ReceiptCodec, clock: Clock, settings: RedisReceiptsSettings | None = None
    ) -> None:
        self._client = client
        self._codec = codec
        self._settings = settings or RedisReceiptsSettings()
        self._newest = MemoryReceipts(self._settings.terms, clock)
        self._writes = WriteBehind(client, self._settings.writes)
        self._counts = {"errors": 0, "corrupt": 0}

    def put(self, receipt: Receipt) -> None:
        """Remember the receipt here at once and in Redis soon."""
        self._newest.put(receipt)
        if receipt.tenant is None or self._client.is_open:
            return
        value = self._codec.encode(receipt)
        key = _redis_key(receipt.tenant, receipt.request_id)
        self._writes.put(("SET", key, value, "PX", int(self._settings.terms.ttl_s * 1e3)), len(value))

    async def get(self, tenant: TenantId, request_id: RequestId) -> Receipt | None:
        """Return the tenant's receipt of that request; None also when Redis does not answer."""
        newest = await self._newest.get(tenant, request_id)
        if newest is not None:
            return newest
        key = _redis_key(tenant, request_id)
        try:
            raw = await self._client.call(
                "GETRANGE", key, 0, _RECEIPT_BYTES_MAX - 1, timeout_s=self._settings.get_timeout_s
            )
        except RedisUnavailable:
            self._counts["errors"] += 1
            return None
        return self._open(tenant, request_id, raw) if isinstance(raw, bytes) and raw else None

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def stats(self) -> Mapping[str, int]:
        """Count what happened since the start."""
        return {**self._counts, **self._writes.stats()}

    def _open(self, tenant: TenantId, request_id: RequestId, raw: bytes) -> Receipt | None:
        try:
            receipt = self._codec.decode(raw)
        except ValueError:
            self._counts["corrupt"] += 1
            return None
        if (receipt.tenant, receipt.request_id) != (tenant, request_id):
            self._counts["corrupt"] += 1
            self._client.distrust("a receipt came back under another key")
            return None
        return receipt


def _redis_key(tenant: TenantId, request_id: RequestId) -> str:
    return f"{tenant_prefix(tenant)}rc:{request_id}"
