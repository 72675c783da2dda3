"""Where answers, allowances and receipts are kept: in this process, or shared through Redis."""

import asyncio
import logging
import os
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from gateway.adapters.chance import uniform
from gateway.adapters.ledger_watch import ObservedLedger
from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_hit_labels import MemoryHitLabels
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_news import MemoryNews
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.peer_receipts import PeerReceipts
from gateway.adapters.peers import Peers
from gateway.adapters.redis_answered import RedisAnswered, RedisAnsweredSettings
from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_cluster import ClusterClient
from gateway.adapters.redis_conversations import RedisConversations
from gateway.adapters.redis_hit_labels import RedisHitLabels
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_prefix import RedisPrefixNews
from gateway.adapters.redis_receipts import ReceiptCodec, RedisReceipts, RedisReceiptsSettings
from gateway.adapters.redis_reservoir import RedisReservoir
from gateway.adapters.redis_semantic import RedisSemanticIndex
from gateway.adapters.redis_semantic_choice import ChosenSemanticIndex
from gateway.adapters.redis_target import RedisTarget, read_target
from gateway.adapters.redis_tier_news import RedisTierNews
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.reservoir_file import LabelFile
from gateway.adapters.semantic_ways import IN_PROCESS
from gateway.adapters.training_records import FileRecords, NoRecords
from gateway.app.events import LogEvent, marked
from gateway.app.semantic_search import tell_search, ways_of
from gateway.app.settings import CannotStart, Settings
from gateway.core.hit_proofs import HitProofs
from gateway.core.prefix_share import PrefixShare
from gateway.core.tier_slo import TierSlos
from gateway.domain.receipt import ReceiptTerms
from gateway.ports import (
    AnsweredStore,
    CacheStore,
    Clock,
    ConversationStore,
    News,
    ReceiptStore,
    Reservoir,
)
from gateway.ports_semantic import HitLabels, SemanticIndex
from gateway.wire.receipt_json import decode_receipt, encode_receipt

log = logging.getLogger("tiergate")

RECORDS = "records"
"""Below the state directory: what `python -m router_models train --from-records` reads."""


_CODEC = ReceiptCodec(encode_receipt, decode_receipt)


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores, and the Redis client they share (None in memory)."""

    cache: CacheStore
    semantic: SemanticIndex
    conversations: ConversationStore
    ledger: ObservedLedger
    receipts: ReceiptStore
    answered: AnsweredStore
    reservoir: Reservoir
    records: FileRecords | NoRecords
    cache_master: bytes
    redis: RedisClient | None

    def tier_news(self, slos: TierSlos, known: Callable[[], Container[str]], clock: Clock) -> News:
        """Return what tells other workers what is seen of tiers here, and these what is seen there."""
        if self.redis is None:
            return MemoryNews()
        return RedisTierNews(self.redis, slos, known=known, worker=uuid4().hex, clock=clock)

    def hit_labels(self, proofs: HitProofs, clock: Clock) -> HitLabels:
        """Return what tells other workers which semantic hits were right here, and these which were there."""
        if self.redis is None:
            return MemoryHitLabels()
        return RedisHitLabels(self.redis, proofs, worker=uuid4().hex, clock=clock)

    def prefix_news(self, share: PrefixShare, clock: Clock) -> News:
        """Return what tells other workers where prompts' beginnings lie, and what waits."""
        if self.redis is None:
            return MemoryNews()
        return RedisPrefixNews(self.redis, share, worker=uuid4().hex, clock=clock)

    async def aclose(self) -> None:
        """Write what is still queued, then let go of Redis."""
        await self.ledger.aclose()
        await self.cache.aclose()
        await self.semantic.aclose()
        await self.conversations.aclose()
        await self.receipts.aclose()
        await self.answered.aclose()
        await self.reservoir.aclose()
        await asyncio.to_thread(self.records.flush)
        if self.redis is not None:
            await self.redis.aclose()


def open_stores(settings: Settings, clock: Clock, terms: ReceiptTerms, peers: Peers) -> Stores:
    """Open the stores that the settings name. Redis need not be up: it is asked for when it is needed.

    Raises CannotStart for a Redis URL or a state directory that cannot be used, or a cache secret that is missing.
    """
    if settings.cache_secret is None:
        raise CannotStart("Every worker needs the cache secret: TIERGATE_CACHE_SECRET is not set.")
    master = settings.cache_secret.reveal().encode()
    records = _records(settings.state, clock)
    if settings.redis_url is None:
        if settings.semantic_index != IN_PROCESS:
            raise CannotStart(
                f"TIERGATE_SEMANTIC_INDEX={settings.semantic_index} needs a server: set TIERGATE_REDIS_URL."
            )
        return Stores(
            MemoryCache(clock, bytes_max=settings.cache_memory_bytes),
            MemorySemanticIndex(clock),
            MemoryConversations(clock),
            ObservedLedger(MemoryLedger(clock)),
            PeerReceipts(MemoryReceipts(terms, clock), peers, _CODEC),
            MemoryAnswered(terms.kept),
            _reservoir(settings.state),
            records,
            master,
            None,
        )
    try:
        target = read_target(settings.redis_url.reveal())
    except ValueError as error:
        raise CannotStart(f"TIERGATE_REDIS_URL cannot be used: {error}") from error
    client = redis_client(target, clock, _tell_redis)
    receipts = RedisReceipts(client, _CODEC, clock, RedisReceiptsSettings(terms))
    ledger = ObservedLedger(RedisLedger(client, clock=clock, chance=uniform), tell=_tell_ledger)
    answered = RedisAnswered(client, RedisAnsweredSettings(kept=terms.kept))
    cache, semantic, conversations, reservoir = (
        RedisCache(client, clock, RedisCacheSettings(local_bytes_max=settings.cache_memory_bytes)),
        _semantic(settings, client, clock, target),
        RedisConversations(client, clock),
        RedisReservoir(client),
    )
    return Stores(cache, semantic, conversations, ledger, receipts, answered, reservoir, records, master, client)


def redis_client(target: RedisTarget, clock: Clock, tell: Callable[[str | None], None]) -> RedisClient:
    """Make a client of one server or of a cluster."""
    open_client = ClusterClient if target.nodes else TurnClient
    return open_client(target, clock=clock, chance=uniform, tell=tell)


def _semantic(settings: Settings, client: RedisClient, clock: Clock, target: RedisTarget) -> SemanticIndex:
    if settings.semantic_index == IN_PROCESS:
        return RedisSemanticIndex(client, clock)
    wanted = ways_of(settings, target)
    return ChosenSemanticIndex(client, clock, wanted, partial(tell_search, settings.semantic_index))


def _reservoir(state: Path | None) -> MemoryReservoir:
    try:
        return MemoryReservoir(None if state is None else LabelFile(state))
    except OSError as error:
        raise CannotStart(f"Labels cannot be kept in {state} (TIERGATE_STATE): {error}") from error


def _records(state: Path | None, clock: Clock) -> FileRecords | NoRecords:
    if state is None:
        return NoRecords()
    # Two workers that start in the same millisecond differ in their process.
    return FileRecords(state / RECORDS, f"{int(clock.wall_s() * 1e3)}-{os.getpid()}")


def _tell_redis(trouble: str | None) -> None:
    if trouble is None:
        log.info("Redis answers again", extra=marked(LogEvent.REDIS_BACK))
    else:
        log.error("Redis is not asked until it is back: %s", trouble, extra=marked(LogEvent.REDIS_LOST, cause=trouble))


def _tell_ledger(trouble: str | None) -> None:
    if trouble is None:
        log.info("claims on budgets and rates are answered again", extra=marked(LogEvent.LEDGER_BACK))
    else:
        facts = marked(LogEvent.LEDGER_LOST, cause=trouble)
        log.error("claims on budgets and rates are not answered: %s", trouble, extra=facts)
