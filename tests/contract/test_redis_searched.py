"""The semantic index that a server searches: what is wrong there is passed over, and trouble finds nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_ft import SearchIndexes
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, Reply
from gateway.adapters.redis_searched import SearchedSemanticIndex, SearchedSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.redis_vset import VectorSets
from gateway.adapters.semantic_search import Bounds, VectorSearch
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from tests.support.clocks import ManualClock
from tests.support.redis_cluster import closing_cluster, cluster_client_of, running_cluster
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, open_breaker, running_redis
from tests.support.redis_stores import clients_on
from tests.support.search_server import MODULE, NEEDS_SEARCH, REDIS_8, running_search
from tests.support.waiting import answered, eventually

pytestmark = NEEDS_SEARCH
SCOPE = SemanticScope(TenantId("alice"), "a1" * 32)
VECTOR = bytes((127, 1, 0, 0))
NOW_S = MonotonicClock().wall_s()
ENTRY = SemanticEntry("0a" * 32, "When?", VECTOR, NOW_S, 3_600.0)
STORED: list[Any] = [1, "alice", SCOPE.digest, bytes.fromhex(ENTRY.answer), ENTRY.text, VECTOR, NOW_S, 3_600.0]
PREFIX = tenant_prefix(SCOPE.tenant)
SETTINGS = SearchedSettings(timeout_s=PATIENT_S)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of search, and how what it stores is reached behind its back."""

    search: Callable[[RedisClient, Bounds], VectorSearch]
    kept: str
    answers: str

    def question(self, answer: str = ENTRY.answer) -> str:
        """Name the key of a question."""
        return f"{PREFIX}{self.kept}:{SCOPE.digest}:{answer}"

    def forge(self, stored: bytes) -> tuple[Argument, ...]:
        """Put something else in the place of what is stored."""
        if self.search is VectorSets:
            return ("SET", self.question(), stored, "EX", 60)
        return ("HSET", self.question(), "e", stored)


VSET, FT = (
    Kind(VectorSets, "q", f"{PREFIX}qva:{SCOPE.digest}"),
    Kind(SearchIndexes, "qf", f"{PREFIX}qfa:{SCOPE.digest}"),
)
KINDS = [pytest.param(VSET, id="redis-vset"), pytest.param(FT, id="redis-ft")]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_search() as running:
        yield running


class Worker:
    """An index, its client and its clock."""

    def __init__(self, kind: Kind, client: TurnClient, bounds: Bounds) -> None:
        self.client = client
        self.clock = ManualClock(wall_s=NOW_S)
        self.refusals = 0
        self.index = SearchedSemanticIndex(client, self.clock, kind.search(client, bounds), SETTINGS, self._on_refused)

    async def put(self, *entries: SemanticEntry, scope: SemanticScope = SCOPE) -> None:
        """Keep them one after the other, each behind a search, as requests do."""
        for each in entries:
            await self.index.nearest(scope, each.vector, 1, PATIENT_S)
            self.index.put(scope, each)
            await self.index.flush()

    async def found(self, count: int = 4, within_s: float = PATIENT_S) -> list[str]:
        return [each.entry.answer for each in await self.index.nearest(SCOPE, VECTOR, count, within_s)]

    async def ask(self, *command: Argument) -> Reply:
        return await self.client.call(*command, timeout_s=PATIENT_S)

    def _on_refused(self) -> None:
        self.refusals += 1


@asynccontextmanager
async def working(kind: Kind, server: RedisServer, bounds: Bounds | None = None) -> AsyncIterator[Worker]:
    async with clients_on("redis", server, 1) as (client,):
        worker = Worker(kind, client, bounds or Bounds())
        try:
            yield worker
        finally:
            await worker.index.aclose()


def named(at: int, vector: bytes = VECTOR) -> SemanticEntry:
    return replace(ENTRY, answer=f"{at:064x}", vector=vector)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changed", "count"),
    [
        (b"\xc1", "corrupt"),
        (msgspec.msgpack.encode([2, *STORED[1:]]), "corrupt"),
        (msgspec.msgpack.encode([1, "bob", *STORED[2:]]), "mismatches"),
        (msgspec.msgpack.encode([1, "alice", "b2" * 32, *STORED[3:]]), "mismatches"),
    ],
)
async def test_case_43_what_is_of_another_scope_or_no_entry_is_passed_over_and_counted(
    server: RedisServer, kind: Kind, changed: bytes, count: str
) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY)
        await worker.ask(*kind.forge(changed))
        assert await worker.found() == []
        assert worker.index.stats()[count] == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_gone_is_passed_over_for_what_lies_behind_it(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(*(named(at, bytes((127, at, 0, 0))) for at in range(6)))
        for at in range(1, 4):
            await worker.ask("UNLINK", kind.question(named(at).answer))
        assert await worker.found(1) == [named(0).answer]
        assert await worker.found(2) == [named(0).answer, named(4).answer]
        assert len(await worker.found()) == 3


async def test_an_element_without_its_question_is_taken_out_when_it_is_met(server: RedisServer) -> None:
    async with working(VSET, server) as worker:
        await worker.put(ENTRY, named(1))
        await worker.ask("UNLINK", VSET.question())
        assert await worker.found() == [named(1).answer]
        assert await worker.ask("VCARD", f"{PREFIX}qv:{SCOPE.digest}") == 1
        assert await worker.ask("ZCARD", VSET.answers) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_beyond_the_bound_of_a_scope_the_oldest_go(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server, Bounds(entries_max=3)) as worker:
        await worker.put(*(replace(named(at), stored_at_s=NOW_S + at) for at in range(5)))
        assert sorted(await worker.found(5)) == [named(at).answer for at in (2, 3, 4)]
        assert await worker.ask("ZCARD", kind.answers) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_over_goes_behind_a_write_and_everything_goes_at_last(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY, named(1))
        for key in (kind.question(), kind.answers):
            left_ms = await worker.ask("PTTL", key)
            assert isinstance(left_ms, int)
            assert 3_000_000 < left_ms <= 3_600_000
        worker.clock.advance(3_700.0)
        assert await worker.found() == []
        await worker.put(replace(named(2), stored_at_s=worker.clock.wall_s()))
        assert await worker.ask("ZCARD", kind.answers) == 1
        assert await worker.ask("EXISTS", kind.question(), kind.question(named(1).answer)) == 0
        assert await worker.found() == [named(2).answer]


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_is_over_or_without_any_length_is_not_kept(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY, replace(ENTRY, stored_at_s=NOW_S - 3_601.0))
        assert await worker.found() == []
        await worker.put(replace(ENTRY, vector=bytes(4)))
        assert await worker.ask("EXISTS", kind.question()) == 0
        assert list(await worker.index.nearest(SCOPE, bytes(4), 4, PATIENT_S)) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_in_a_hurry_finds_nothing_and_redis_is_not_blamed(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY)
        server.freeze()
        for within_s in (0.005, 0.005, 0.005, 0.005, 0.0, -1.0):
            assert await worker.found(within_s=within_s) == []
        assert worker.index.stats()["late"] == 6
        assert not worker.client.is_open
        server.thaw()
        assert await worker.found() == [ENTRY.answer]


@pytest.mark.parametrize("kind", KINDS)
async def test_while_redis_is_away_nothing_is_found_kept_or_forgotten(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY)
        server.freeze()
        await open_breaker(worker.client)
        assert await worker.found() == []
        worker.index.put(SCOPE, named(1))
        worker.index.forget(SCOPE, ENTRY.answer)
        assert worker.index.stats()["errors"] == 1
        assert worker.index.stats()["queued"] == 0
        server.thaw()
        await eventually(lambda: not worker.client.is_open)
        assert await worker.found() == [ENTRY.answer]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redis_that_was_killed_and_started_again_is_used_from_nothing(kind: Kind) -> None:
    with running_search() as server:
        async with working(kind, server) as worker:
            await worker.put(ENTRY)
            server.kill()
            assert await worker.found() == []
            server.start(*MODULE)
            await eventually(lambda: not worker.client.is_open)
            await answered(lambda: worker.client.call("PING", timeout_s=PATIENT_S), lambda told: told == b"PONG")
            assert await worker.found() == []
            await worker.put(ENTRY)
            assert await worker.found() == [ENTRY.answer]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redis_that_is_full_keeps_no_more_and_finds_what_it_has(server: RedisServer, kind: Kind) -> None:
    async with working(kind, server) as worker:
        await worker.put(ENTRY)
        await worker.ask("CONFIG", "SET", "maxmemory", 1)
        await worker.put(named(1))
        assert worker.index.stats()["lost"] == 1
        assert await worker.found() == [ENTRY.answer]
        await worker.ask("CONFIG", "SET", "maxmemory", 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redis_that_cannot_search_refuses_and_that_is_told(kind: Kind) -> None:
    with running_redis() as server:
        async with working(kind, server) as worker:
            await worker.put(ENTRY)
            assert await worker.found() == []
            assert worker.refusals == 2
            assert worker.index.stats()["errors"] == 2


async def test_an_index_that_is_gone_is_made_again_from_what_is_there(server: RedisServer) -> None:
    async with working(FT, server) as worker:
        await worker.put(ENTRY)
        await worker.ask("FT.DROPINDEX", f"{PREFIX}qi4")
        assert await worker.found() == []
        await answered(worker.found, lambda found: found == [ENTRY.answer])


async def test_vectors_of_two_lengths_lie_beside_each_other(server: RedisServer) -> None:
    other, long = replace(SCOPE, digest="b2" * 32), replace(named(1), vector=VECTOR * 2)
    async with working(FT, server) as worker:
        await worker.put(ENTRY)
        await worker.put(long, scope=other)
        assert await worker.found() == [ENTRY.answer]
        assert [each.entry for each in await worker.index.nearest(other, long.vector, 4, PATIENT_S)] == [long]


async def test_on_a_cluster_whatever_a_script_touches_lies_in_one_slot() -> None:
    async with (
        running_cluster(binary=str(REDIS_8)) as members,
        closing_cluster(cluster_client_of(members[0])) as client,
    ):
        index = SearchedSemanticIndex(client, ManualClock(wall_s=NOW_S), VectorSets(client, Bounds(1)), SETTINGS)
        scopes = [replace(SCOPE, tenant=TenantId(name)) for name in ("alice", "bob", "carol")]
        for scope in scopes:
            for at in range(2):
                index.put(scope, replace(named(at), stored_at_s=NOW_S + at))
        await index.flush()
        for scope in scopes:
            assert [each.entry.answer for each in await index.nearest(scope, VECTOR, 4, PATIENT_S)] == [named(1).answer]
        assert index.stats()["lost"] == 0
        await index.aclose()
