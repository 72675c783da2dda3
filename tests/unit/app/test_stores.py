"""Where answers, allowances and receipts are kept, by the settings."""

import logging
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_hit_labels import MemoryHitLabels
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_news import MemoryNews
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.peer_receipts import PeerReceipts
from gateway.adapters.peers import Peers
from gateway.adapters.redis_answered import RedisAnswered
from gateway.adapters.redis_cache import RedisCache
from gateway.adapters.redis_cluster import ClusterClient
from gateway.adapters.redis_conversations import RedisConversations
from gateway.adapters.redis_hit_labels import RedisHitLabels
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_receipts import RedisReceipts
from gateway.adapters.redis_reservoir import RedisReservoir
from gateway.adapters.redis_semantic import RedisSemanticIndex
from gateway.adapters.redis_semantic_choice import ChosenSemanticIndex
from gateway.adapters.redis_tier_news import RedisTierNews
from gateway.adapters.training_records import NoRecords
from gateway.app.events import EVENT, FACTS
from gateway.app.settings import CannotStart, Settings, read_settings
from gateway.app.stores import RECORDS, open_stores
from gateway.core.hit_proofs import HitProofs
from gateway.core.tier_slo import TierSlos
from gateway.domain.receipt import ReceiptTerms
from tests.support.clocks import ManualClock
from tests.support.labels import ANSWERED, GOOD, a_label

PROOFS = HitProofs(lambda hit_class, proof: None)

ALONE, TERMS = Peers(None, 0), ReceiptTerms(10)


def settings(**overrides: object) -> Settings:
    return read_settings({}, overrides)


async def test_without_redis_everything_is_kept_in_this_process() -> None:
    stores = open_stores(settings().with_cache_secret(), ManualClock(), TERMS, ALONE)
    assert isinstance(stores.cache, MemoryCache)
    assert isinstance(stores.semantic, MemorySemanticIndex)
    assert isinstance(stores.hit_labels(PROOFS, ManualClock()), MemoryHitLabels)
    assert isinstance(stores.conversations, MemoryConversations)
    assert isinstance(stores.ledger.ledger, MemoryLedger)
    assert isinstance(stores.receipts, PeerReceipts)
    assert isinstance(stores.answered, MemoryAnswered)
    assert isinstance(stores.reservoir, MemoryReservoir)
    assert isinstance(stores.records, NoRecords)
    assert stores.redis is None
    assert isinstance(stores.tier_news(TierSlos(), tuple, ManualClock()), MemoryNews)
    await stores.aclose()


async def test_what_is_lost_and_what_is_back_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tiergate")
    stores = open_stores(
        settings(redis_url="redis://127.0.0.1:1/0", cache_secret="sixteen characters"), ManualClock(), TERMS, ALONE
    )
    assert stores.redis is not None
    for _ in range(3):
        with suppress(RedisUnavailable):
            await stores.redis.call("PING", timeout_s=10.0)
    for trouble in ("no answer in time", None):
        stores.ledger.tell(trouble)
    assert [getattr(record, EVENT) for record in caplog.records] == ["redis_lost", "ledger_lost", "ledger_back"]
    assert getattr(caplog.records[0], FACTS)["cause"].startswith("cannot connect: ")
    await stores.aclose()


async def test_a_cluster_is_spoken_to_as_one() -> None:
    stores = open_stores(
        settings(redis_url="redis+cluster://127.0.0.1:1", cache_secret="sixteen characters"),
        ManualClock(),
        TERMS,
        ALONE,
    )
    assert isinstance(stores.redis, ClusterClient)
    await stores.aclose()


async def test_with_redis_everything_is_shared_and_it_need_not_be_up_yet() -> None:
    stores = open_stores(
        settings(redis_url="redis://127.0.0.1:1/0", cache_secret="sixteen characters"), ManualClock(), TERMS, ALONE
    )
    assert isinstance(stores.cache, RedisCache)
    assert isinstance(stores.semantic, RedisSemanticIndex)
    assert isinstance(stores.hit_labels(PROOFS, ManualClock()), RedisHitLabels)
    assert isinstance(stores.conversations, RedisConversations)
    assert isinstance(stores.ledger.ledger, RedisLedger)
    assert isinstance(stores.receipts, RedisReceipts)
    assert isinstance(stores.answered, RedisAnswered)
    assert isinstance(stores.reservoir, RedisReservoir)
    assert isinstance(stores.tier_news(TierSlos(), tuple, ManualClock()), RedisTierNews)
    assert stores.cache_master == b"sixteen characters"
    await stores.aclose()


@pytest.mark.parametrize("wanted", ["redis", "redis-vset", "redis-ft"])
async def test_a_server_may_be_asked_to_find_like_questions(wanted: str) -> None:
    stores = open_stores(
        settings(redis_url="redis://127.0.0.1:1/0", semantic_index=wanted).with_cache_secret(),
        ManualClock(),
        TERMS,
        ALONE,
    )
    assert isinstance(stores.semantic, ChosenSemanticIndex)
    await stores.aclose()


def test_without_a_server_none_can_find_like_questions() -> None:
    with pytest.raises(CannotStart, match="TIERGATE_SEMANTIC_INDEX=redis needs a server: set TIERGATE_REDIS_URL"):
        open_stores(settings(semantic_index="redis").with_cache_secret(), ManualClock(), TERMS, ALONE)


async def test_labels_and_training_records_outlive_the_process_in_the_state_directory(tmp_path: Path) -> None:
    chosen = settings(state=tmp_path / "state").with_cache_secret()
    stores = open_stores(chosen, ManualClock(), TERMS, ALONE)
    await stores.reservoir.add(a_label())
    stores.records.write(ANSWERED, GOOD)
    await stores.aclose()
    assert len(list((tmp_path / "state" / RECORDS).iterdir())) == 1
    again = open_stores(chosen, ManualClock(), TERMS, ALONE)
    assert again.reservoir.stats()["labels"] == 1
    await again.aclose()


def test_a_state_directory_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CannotStart, match="TIERGATE_STATE"):
        open_stores(settings(state=tmp_path / "state").with_cache_secret(), ManualClock(), TERMS, ALONE)


def test_without_a_cache_secret_no_worker_starts() -> None:
    with pytest.raises(CannotStart, match="TIERGATE_CACHE_SECRET is not set"):
        open_stores(settings(), ManualClock(), TERMS, ALONE)


def test_a_redis_url_that_cannot_be_used_is_said_so_without_its_password() -> None:
    chosen = settings(redis_url="redis://user:hunter2@host:notaport/0").with_cache_secret()
    with pytest.raises(CannotStart, match="TIERGATE_REDIS_URL cannot be used: ") as refused:
        open_stores(chosen, ManualClock(), TERMS, ALONE)
    assert "hunter2" not in str(refused.value)
