"""Writes that nobody waits for."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.redis_write_behind import WriteBehind, WriteBehindSettings
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, running_redis

PATIENT = WriteBehindSettings(timeout_s=PATIENT_S)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def writing(
    server: RedisServer, settings: WriteBehindSettings = PATIENT
) -> AsyncIterator[tuple[WriteBehind, TurnClient]]:
    client = client_of(server, open_s=60.0)
    writes = WriteBehind(client, settings)
    try:
        yield writes, client
    finally:
        await writes.aclose()
        await client.aclose()


def put(writes: WriteBehind, names: str, size_bytes: int = 10) -> None:
    for name in names:
        writes.put(("RPUSH", "list", name), size_bytes)


async def written(client: TurnClient) -> bytes:
    elements = await client.call("LRANGE", "list", 0, -1, timeout_s=PATIENT_S)
    assert isinstance(elements, list)
    return b"".join(element for element in elements if isinstance(element, bytes))


async def test_writes_are_carried_out_in_order(server: RedisServer) -> None:
    async with writing(server) as (writes, client):
        await writes.flush()
        put(writes, "abc")
        await writes.flush()
        put(writes, "de")
        await writes.flush()
        assert await written(client) == b"abcde"
        assert writes.stats() == {"written": 5, "dropped": 0, "lost": 0, "queued": 0}


async def test_a_full_queue_drops_its_oldest_writes(server: RedisServer) -> None:
    async with writing(server, WriteBehindSettings(queue_max=4, timeout_s=PATIENT_S)) as (writes, client):
        put(writes, "abcdefghij")
        await writes.flush()
        assert await written(client) == b"ghij"
        assert (writes.stats()["dropped"], writes.stats()["written"]) == (6, 4)


async def test_a_queue_is_bounded_in_bytes_too(server: RedisServer) -> None:
    async with writing(server, WriteBehindSettings(queue_bytes_max=3_000, timeout_s=PATIENT_S)) as (writes, client):
        put(writes, "abcd", size_bytes=900)
        await writes.flush()
        assert await written(client) == b"bcd"


@pytest.mark.parametrize(
    "settings",
    [
        WriteBehindSettings(batch_max=2, timeout_s=PATIENT_S),
        WriteBehindSettings(batch_bytes_max=25, timeout_s=PATIENT_S),
    ],
)
async def test_a_batch_is_bounded_and_the_next_one_waits_for_it(
    settings: WriteBehindSettings, server: RedisServer
) -> None:
    async with writing(server, settings) as (writes, client):
        await client.call("PING", timeout_s=PATIENT_S)
        calls_before = client.stats()["calls"]
        put(writes, "abcde")
        await writes.flush()
        assert client.stats()["calls"] == int(calls_before) + 5
        assert await written(client) == b"abcde"


async def test_refused_and_failed_writes_are_counted_and_do_not_stop_the_others(server: RedisServer) -> None:
    async with writing(server) as (writes, client):
        put(writes, "a")
        writes.put(("INCR", "list"), 1)
        put(writes, "b")
        await writes.flush()
        assert await written(client) == b"ab"
        assert (writes.stats()["lost"], writes.stats()["written"]) == (1, 2)
        server.kill()
        for name in "cdef":
            put(writes, name)
            await writes.flush()
        assert client.is_open
        assert writes.stats()["lost"] == 5


async def test_closing_writes_what_is_queued(server: RedisServer) -> None:
    async with writing(server) as (_, reader):
        async with writing(server) as (writes, _):
            put(writes, "abc")
        assert await written(reader) == b"abc"


async def test_closing_beside_a_frozen_server_ends_within_its_bound(server: RedisServer) -> None:
    started_s = time.monotonic()
    async with writing(server, WriteBehindSettings(timeout_s=PATIENT_S, close_s=0.02)) as (writes, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        put(writes, "abc")
    assert time.monotonic() - started_s < PATIENT_S
