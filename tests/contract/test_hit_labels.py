"""Which semantic hits were right: each worker counts its own labels once, and over Redis those of the others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest

from gateway.adapters.memory_hit_labels import MemoryHitLabels
from gateway.adapters.redis_hit_labels import RedisHitLabels, RedisHitLabelsSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.core.hit_proof import HitLabel, Terms
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.question import ScoreCounts
from gateway.ports_semantic import HitLabels
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, open_breaker, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import clients_on
from tests.support.waiting import eventually

TERMS = Terms(ScoreCounts((0.0, 0.9), (0, 1_000), (0, 5)), max_wrong=0.05)
ALICE, BOB = (HitClass(TenantId(name), RouteName("faq"), "v1") for name in ("alice", "bob"))
OTHER_ROUTE = HitClass(ALICE.tenant, RouteName("chat"), "v1")
RIGHT, WRONG = HitLabel(0.95, is_wrong=False), HitLabel(0.95, is_wrong=True)
KINDS = ["redis", SIMULATED]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@dataclass(slots=True)
class Worker:
    """One worker: what it knows, and what it tells and hears by."""

    proofs: HitProofs
    labels: HitLabels
    client: TurnClient | None = None

    def label(self, label: HitLabel, hit_class: HitClass = ALICE) -> None:
        """Count one comparison."""
        self.proofs.proof_of(hit_class, TERMS, 0.0)
        self.proofs.label(hit_class, label, 0.0)

    def known(self, hit_class: HitClass = ALICE) -> tuple[int, int]:
        """Right and wrong labels that count here."""
        counts = self.proofs.proof_of(hit_class, TERMS, 0.0).labels
        return sum(counts.right), sum(counts.wrong)


@asynccontextmanager
async def workers(kind: str, server: RedisServer, poll_s: float = 1.0) -> AsyncIterator[list[Worker]]:
    settings = RedisHitLabelsSettings(poll_s=poll_s, timeout_s=PATIENT_S)
    async with clients_on(kind, server) as clients:
        made = []
        for number, client in enumerate(clients):
            proofs = HitProofs(lambda hit_class, proof: None)
            labels = RedisHitLabels(client, proofs, worker=f"{number}", clock=MonotonicClock(), settings=settings)
            made.append(Worker(proofs, labels, client))
        yield made


async def test_alone_a_worker_counts_its_own_labels_once() -> None:
    proofs = HitProofs(lambda hit_class, proof: None)
    alone = Worker(proofs, MemoryHitLabels())
    alone.label(RIGHT)
    await alone.labels.look()
    await alone.labels.listen()
    assert (alone.known(), dict(alone.labels.stats())) == ((1, 0), {})


@pytest.mark.parametrize("kind", KINDS)
async def test_what_one_worker_counts_the_other_knows_after_a_look_of_each(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (one, other):
        other.label(RIGHT)
        for label in (RIGHT, WRONG, WRONG):
            one.label(label)
        for _ in range(2):
            for worker in (one, other):
                await worker.labels.look()
        assert one.known() == other.known() == (2, 2)
        assert one.labels.stats() == {"told": 3, "heard": 1, "errors": 0, "corrupt": 0}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_that_begins_hears_what_was_counted_before_it(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (one, other):
        one.label(WRONG)
        await one.labels.look()
        await other.labels.look()
        assert other.known() == (0, 0), "it did not know the class"
        await other.labels.look()
        assert other.known() == (0, 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_labels_of_one_class_count_in_no_other(kind: str, server: RedisServer) -> None:
    async with workers(kind, server) as (one, other):
        one.label(WRONG)
        await one.labels.look()
        for hit_class in (BOB, OTHER_ROUTE):
            other.known(hit_class)
        await other.labels.look()
        assert [other.known(hit_class) for hit_class in (BOB, OTHER_ROUTE)] == [(0, 0), (0, 0)]


async def test_it_is_known_without_being_asked_for(server: RedisServer) -> None:
    async with workers("redis", server, poll_s=0.01) as (one, other):
        one.label(WRONG)
        await one.labels.look()
        other.known()
        listening = asyncio.create_task(other.labels.listen())
        await eventually(lambda: other.known() == (0, 1))
        listening.cancel()
        await asyncio.wait([listening])


async def test_what_is_no_label_is_passed_over_and_counted(server: RedisServer) -> None:
    async with workers("redis", server) as (one, other):
        one.label(RIGHT)
        await one.labels.look()
        assert one.client is not None
        (stream,) = [key async for key in _streams(one.client)]
        for value in (b"\xc1", msgspec.msgpack.encode({"probability": "high"})):
            await one.client.call("XADD", stream, "MAXLEN", 9, "*", "w", "x", "l", value, timeout_s=PATIENT_S)
        await one.client.call("XADD", stream, "MAXLEN", 9, "*", "other", "x", timeout_s=PATIENT_S)
        other.known()
        await other.labels.look()
        assert (other.known(), other.labels.stats()["corrupt"]) == ((1, 0), 2)


async def _streams(client: TurnClient) -> AsyncIterator[bytes]:
    reply = await client.call("KEYS", "*hl:*", timeout_s=PATIENT_S)
    assert isinstance(reply, list)
    for key in reply:
        assert isinstance(key, bytes)
        yield key


async def test_while_redis_is_away_each_worker_goes_by_its_own_labels(server: RedisServer) -> None:
    async with workers("redis", server) as (one, _):
        assert one.client is not None
        server.freeze()
        try:
            await open_breaker(one.client)
            one.label(WRONG)
            await one.labels.look()
        finally:
            server.thaw()
        assert (one.known(), one.labels.stats()["errors"]) == ((0, 1), 1)
