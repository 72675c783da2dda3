"""Where answers, allowances and receipts are kept: in this process, or shared through Redis."""

from dataclasses import dataclass

from gateway.adapters.chance import uniform
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.redis_cache import RedisCache
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_receipts import ReceiptCodec, RedisReceipts, RedisReceiptsSettings
from gateway.adapters.redis_target import read_target
from gateway.adapters.redis_turn import TurnClient
from gateway.app.settings import CannotStart, Settings
from gateway.ports import CacheStore, Clock, Ledger, ReceiptStore
from gateway.wire.receipt_json import decode_receipt, encode_receipt


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores, and the Redis client they share (None in memory)."""

    cache: CacheStore
    ledger: Ledger
    receipts: ReceiptStore
    cache_master: bytes
    redis: TurnClient | None

    async def aclose(self) -> None:
        """Write what is still queued, then let go of Redis."""
        await self.ledger.aclose()
        await self.cache.aclose()
        await self.receipts.aclose()
        if self.redis is not None:
            await self.redis.aclose()


def open_stores(settings: Settings, clock: Clock, receipts_kept: int) -> Stores:
    """Open the stores that the settings name. Redis need not be up: it is asked for when it is needed.

    Raises CannotStart for a Redis URL that cannot be used, or a cache secret that is missing.
    """
    if settings.cache_secret is None:
        raise CannotStart("Every worker needs the cache secret: TIERGATE_CACHE_SECRET is not set.")
    master = settings.cache_secret.reveal().encode()
    if settings.redis_url is None:
        return Stores(MemoryCache(clock), MemoryLedger(clock), MemoryReceipts(receipts_kept), master, None)
    try:
        target = read_target(settings.redis_url.reveal())
    except ValueError as error:
        raise CannotStart(f"TIERGATE_REDIS_URL cannot be used: {error}") from error
    client = TurnClient(target, clock=clock, chance=uniform)
    receipts = RedisReceipts(
        client, ReceiptCodec(encode_receipt, decode_receipt), RedisReceiptsSettings(kept=receipts_kept)
    )
    ledger = RedisLedger(client, clock=clock, chance=uniform)
    return Stores(RedisCache(client, clock), ledger, receipts, master, client)
