"""The semantic index in Redis: what is wrong there is passed over, what is missed is read later, and nothing waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, open_breaker, running_redis
from tests.support.redis_stores import clients_on
from tests.support.waiting import eventually

SCOPE = SemanticScope(TenantId("alice"), "a1" * 32)
VECTOR = bytes((127, 1, 0, 0))
NOW_S = MonotonicClock().wall_s()
ENTRY = SemanticEntry("0a" * 32, "When?", VECTOR, NOW_S, 3_600.0)
STREAM = f"{tenant_prefix(SCOPE.tenant)}s:{SCOPE.digest}"
STORED: list[Any] = [1, "alice", SCOPE.digest, bytes.fromhex(ENTRY.answer), ENTRY.text, VECTOR, NOW_S, 3_600.0]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def opened(
    server: RedisServer, count: int = 1, settings: RedisSemanticSettings | None = None
) -> AsyncIterator[list[tuple[RedisSemanticIndex, TurnClient]]]:
    settings = settings or RedisSemanticSettings(timeout_s=PATIENT_S)
    async with clients_on("redis", server, count) as clients:
        made = [(RedisSemanticIndex(client, MonotonicClock(), settings), client) for client in clients]
        try:
            yield made
        finally:
            for index, _ in made:
                await index.aclose()


async def found(index: RedisSemanticIndex, scope: SemanticScope = SCOPE) -> list[str]:
    await index.nearest(scope, VECTOR, 4, PATIENT_S)
    await index.look()
    return [each.entry.answer for each in await index.nearest(scope, VECTOR, 4, PATIENT_S)]


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
    server: RedisServer, changed: bytes, count: str
) -> None:
    async with opened(server) as ((index, client),):
        await client.call("XADD", STREAM, "MAXLEN", 9, "*", "e", changed, timeout_s=PATIENT_S)
        assert await found(index) == []
        assert index.stats()[count] == 1


async def test_a_scope_is_read_page_by_page_and_news_is_heard_from_then_on(server: RedisServer) -> None:
    async with opened(server, 2) as ((one, _), (other, _)):
        for at in range(700):
            one.put(SCOPE, replace(ENTRY, answer=f"{at:064x}"))
            if at % 100 == 0:
                await one.flush()
        await one.flush()
        await found(other)
        assert other.stats()["entries"] == 700
        one.put(SCOPE, replace(ENTRY, answer=f"{700:064x}"))
        await one.flush()
        await other.look()
        assert other.stats()["entries"] == 701


async def test_who_listens_reads_a_wanted_scope_without_being_asked_again(server: RedisServer) -> None:
    async with opened(server, 2, RedisSemanticSettings(poll_s=3_600.0, timeout_s=PATIENT_S)) as ((one, _), (other, _)):
        one.put(SCOPE, ENTRY)
        await one.flush()
        listening = asyncio.create_task(other.listen())
        assert list(await other.nearest(SCOPE, VECTOR, 4, PATIENT_S)) == []
        await eventually(lambda: other.stats()["entries"] == 1)
        listening.cancel()
        await asyncio.wait([listening])


async def test_what_came_while_redis_was_away_is_read_afterwards(server: RedisServer) -> None:
    async with opened(server, 2) as ((one, _), (other, client)):
        assert await found(other) == []
        one.put(SCOPE, ENTRY)
        await one.flush()
        server.freeze()
        await open_breaker(client)
        await other.look()
        other.put(SCOPE, replace(ENTRY, answer="0b" * 32))
        assert other.stats()["errors"] == 1
        assert [each.entry.answer for each in await other.nearest(SCOPE, VECTOR, 4, PATIENT_S)] == ["0b" * 32]
        server.thaw()
        await eventually(lambda: not client.is_open)
        await other.look()
        assert other.stats()["entries"] == 2


async def test_there_is_an_end_to_the_scopes_that_are_held_and_to_those_that_wait(server: RedisServer) -> None:
    settings = RedisSemanticSettings(timeout_s=PATIENT_S, scopes_max=2)
    scopes = [replace(SCOPE, digest=f"{at:064x}") for at in range(4)]
    async with opened(server, 2, settings) as ((one, _), (other, _)):
        for scope in scopes:
            one.put(scope, ENTRY)
        await one.flush()
        for scope in scopes[:3]:
            await other.nearest(scope, VECTOR, 4, PATIENT_S)
        await other.look()
        assert other.stats()["entries"] == 2, "the first was no longer wanted when there was time to read it"
        assert await found(other, scopes[3]) == [ENTRY.answer]
        assert other.stats()["scopes"] == 2
        assert list(await other.nearest(scopes[1], VECTOR, 4, PATIENT_S)) == []


async def test_a_scope_that_had_to_go_for_want_of_room_is_read_again_when_it_is_asked_about(
    server: RedisServer,
) -> None:
    settings = RedisSemanticSettings(timeout_s=PATIENT_S, bytes_max=600)
    scopes = [SCOPE, replace(SCOPE, digest="b2" * 32)]
    async with opened(server, 1, settings) as ((index, _),):
        for scope in scopes:
            assert await found(index, scope) == []
            index.put(scope, ENTRY)
        await index.flush()
        assert index.stats()["scopes"] == 1
        for scope in scopes:
            assert await found(index, scope) == [ENTRY.answer]
