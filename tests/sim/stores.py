"""What a gateway of a run keeps things in: its own memory, or a Redis that it shares with others."""

from dataclasses import dataclass
from random import Random
from typing import Final

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.redis_answered import RedisAnswered, RedisAnsweredSettings
from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_conversations import RedisConversations
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_purges import RedisPurgesSettings
from gateway.adapters.redis_receipts import ReceiptCodec, RedisReceipts, RedisReceiptsSettings
from gateway.adapters.redis_reservoir import RedisReservoir, RedisReservoirSettings
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.receipt import ReceiptTerms
from gateway.ports import AnsweredStore, CacheStore, Clock, ConversationStore, Ledger, ReceiptStore, Reservoir
from gateway.ports_semantic import SemanticIndex
from gateway.wire.receipt_json import decode_receipt, encode_receipt
from tests.sim.redis import HOST

_KEPT: Final = 100
POLL_S: Final = 3.0
"""To look for news as often as a gateway does would be most of what there is to do in a run."""


@dataclass(frozen=True, slots=True)
class SimStores:
    """The stores of one gateway, and the connection that they share (None in memory)."""

    cache: CacheStore
    conversations: ConversationStore
    ledger: Ledger
    receipts: ReceiptStore
    answered: AnsweredStore
    reservoir: Reservoir
    semantic: SemanticIndex
    redis: TurnClient | None = None

    async def aclose(self) -> None:
        """Write what is still queued, then let go of Redis."""
        for store in (
            self.ledger,
            self.cache,
            self.conversations,
            self.receipts,
            self.answered,
            self.reservoir,
            self.semantic,
        ):
            await store.aclose()
        if self.redis is not None:
            await self.redis.aclose()


def memory_stores(clock: Clock) -> SimStores:
    """Open stores in memory."""
    return SimStores(
        MemoryCache(clock),
        MemoryConversations(clock),
        MemoryLedger(clock),
        MemoryReceipts(ReceiptTerms(_KEPT), clock),
        MemoryAnswered(_KEPT),
        MemoryReservoir(),
        MemorySemanticIndex(clock),
    )


def shared_stores(clock: Clock, draws: Random) -> SimStores:
    """Open stores in the run's Redis, over a connection of this gateway."""
    client = TurnClient(RedisTarget(host=HOST), clock=clock, chance=draws.random)
    return SimStores(
        RedisCache(client, clock, RedisCacheSettings(purges=RedisPurgesSettings(poll_s=POLL_S, lag_s=2.0 * POLL_S))),
        RedisConversations(client, clock),
        RedisLedger(client, clock=clock, chance=draws.random),
        RedisReceipts(
            client, ReceiptCodec(encode_receipt, decode_receipt), clock, RedisReceiptsSettings(ReceiptTerms(_KEPT))
        ),
        RedisAnswered(client, RedisAnsweredSettings(kept=_KEPT)),
        RedisReservoir(client, RedisReservoirSettings(poll_s=POLL_S)),
        RedisSemanticIndex(client, clock, RedisSemanticSettings(poll_s=POLL_S)),
        client,
    )
