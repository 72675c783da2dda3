"""What every reservoir of labels keeps to: in memory, on disk, and in Redis shared by workers."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.adapters.redis_reservoir import RedisReservoir, RedisReservoirSettings
from gateway.adapters.reservoir_file import LabelFile
from gateway.adapters.reservoir_index import ReservoirSettings
from gateway.domain.ability import Score
from gateway.domain.feedback import Label
from gateway.domain.ids import TenantId
from gateway.ports import Reservoir
from tests.support.labels import ALICE, BOB, a_label
from tests.support.redis_server import PATIENT_S, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import clients_on
from tests.support.tiers import a_tier

KINDS = [
    "memory",
    "file, after a restart",
    "redis, same worker",
    "redis, other worker",
    "redis, after a restart",
    f"{SIMULATED}, other worker",
]
BOUNDS = ReservoirSettings(per_tenant=3, in_all=8)
SMALL, LARGE = a_tier("small"), a_tier("large", 1)
HERE = Score((0.5,), 1.0, "test")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Reservoirs:
    """A reservoir to add to, and one to ask, which may be another worker's or that of a later life."""

    def __init__(self, writer: Reservoir, reader: Callable[[], Reservoir]) -> None:
        self._writer = writer
        self._make_reader = reader
        self._reader: Reservoir | None = None

    async def add(self, *labels: Label) -> None:
        for label in labels:
            await self._writer.add(label)

    async def logits(
        self, tenant: TenantId = ALICE, score: Score = HERE, *, space: str = "space-1", shared: bool = False
    ) -> dict[str, float]:
        """Return what is added to the logits of the tiers about which something is known."""
        if self._reader is None:
            self._reader = self._make_reader()
        if isinstance(self._reader, RedisReservoir):
            await self._reader.look()
        found = self._reader.corrections(tenant, (SMALL, LARGE), score, space, shared=shared)
        return {each.tier: each.logit for each in found}


@asynccontextmanager
async def opened(kind: str, server: RedisServer, folder: Path) -> AsyncIterator[Reservoirs]:
    if kind == "memory":
        memory = MemoryReservoir(None, BOUNDS)
        yield Reservoirs(memory, lambda: memory)
        return
    if kind.startswith("file"):
        first = MemoryReservoir(LabelFile(folder / "state"), BOUNDS)
        yield Reservoirs(first, lambda: MemoryReservoir(LabelFile(folder / "state"), BOUNDS))
        return
    async with clients_on(kind, server) as clients:
        settings = RedisReservoirSettings(timeout_s=PATIENT_S, bounds=BOUNDS)
        writer, reader = (RedisReservoir(client, settings) for client in clients)
        if kind.endswith("other worker"):
            await reader.look()
        yield Reservoirs(writer, lambda: writer if kind == "redis, same worker" else reader)


@pytest.mark.parametrize("kind", KINDS)
async def test_without_labels_nothing_is_corrected(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        assert await reservoirs.logits() == {}
        assert await reservoirs.logits(shared=True) == {}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_label_moves_its_tier_at_once_in_its_own_direction(
    kind: str, server: RedisServer, tmp_path: Path
) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0), a_label("b", 1.0, tier="large"))
        logits = await reservoirs.logits()
        assert logits["small"] < 0.0 < logits["large"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_label_moves_decisions_of_its_own_tenant_alone_unless_they_are_shared(
    kind: str, server: RedisServer, tmp_path: Path
) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0))
        assert await reservoirs.logits(BOB) == {}
        assert await reservoirs.logits(BOB, shared=True) == await reservoirs.logits(ALICE)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_changed_label_counts_once(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0, at_s=1.0), a_label("a", 1.0, at_s=2.0))
        once = await reservoirs.logits()
        assert once["small"] > 0.0
        await reservoirs.add(a_label("a", 1.0, at_s=2.0))
        assert await reservoirs.logits() == once


@pytest.mark.parametrize("kind", KINDS)
async def test_a_late_word_of_an_older_opinion_changes_nothing(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 1.0, at_s=2.0), a_label("a", 0.0, at_s=1.0))
        assert (await reservoirs.logits())["small"] > 0.0


@pytest.mark.parametrize("kind", KINDS)
async def test_the_oldest_label_of_the_same_tenant_goes_first(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("other", 0.0, tenant=BOB))
        await reservoirs.add(*(a_label(f"{number}", float(number > 0)) for number in range(4)))
        assert (await reservoirs.logits())["small"] > 0.0
        three = await reservoirs.logits()
        await reservoirs.add(a_label("4", 1.0))
        assert await reservoirs.logits() == three
        assert (await reservoirs.logits(BOB))["small"] < 0.0


@pytest.mark.parametrize("kind", KINDS)
async def test_positions_of_another_space_or_nowhere_say_nothing(
    kind: str, server: RedisServer, tmp_path: Path
) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0, space="space-2"), a_label("b", 0.0, latent=(), familiarity=0.0))
        assert await reservoirs.logits() == {}
        assert (await reservoirs.logits(space="space-2"))["small"] < 0.0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_far_label_says_less_than_a_near_one(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0))
        near, far = [(await reservoirs.logits(score=Score((at,), 1.0, "test")))["small"] for at in (0.6, 1.5)]
        assert near < far < 0.0


@pytest.mark.parametrize("kind", KINDS)
async def test_embeddings_count_where_both_sides_have_one(kind: str, server: RedisServer, tmp_path: Path) -> None:
    async with opened(kind, server, tmp_path) as reservoirs:
        await reservoirs.add(a_label("a", 0.0, embedding=bytes((100, 0, 0))))
        alike, unlike, bare = [
            (await reservoirs.logits(score=Score((0.5,), 1.0, "test", embedding=embedding)))["small"]
            for embedding in (bytes((50, 5, 0)), bytes((0, 100, 0)), b"")
        ]
        assert bare < 0.0
        assert alike < unlike < 0.0
