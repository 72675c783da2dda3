"""The front takes turns, passes ends on, and hears late of who serves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.chaos.front import Front
from tests.support.networks import free_port
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody with a name and a port."""

    name: str
    port: int


@asynccontextmanager
async def naming(name: str) -> AsyncIterator[Place]:
    """A server that says its name and ends, once it was asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(name.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield Place(name, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def fronting(*more: Place) -> AsyncIterator[tuple[Front, list[Place]]]:
    """A front before two servers, and before whoever else is given."""
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(naming(name)) for name in ("a", "b")]
        front = Front([*places, *more])
        await front.start()
        stack.push_async_callback(front.aclose)
        yield front, places


async def ask(front: Front) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    try:
        writer.write(b"?")
        return (await reader.read()).decode()
    finally:
        writer.close()


async def test_those_in_the_list_take_turns() -> None:
    async with fronting() as (front, _):
        assert [await ask(front) for _ in range(4)] == ["a", "b", "a", "b"]


async def test_the_list_changes_when_the_front_hears_of_it_and_not_before() -> None:
    async with fronting() as (front, (a, _)):
        front.hear(a, serves=False, after_s=60.0)
        assert {await ask(front) for _ in range(4)} == {"a", "b"}
        front.hear(a, serves=False, after_s=0.0)
        await eventually(lambda: front.listed == ["b"])
        assert {await ask(front) for _ in range(4)} == {"b"}
        front.hear(a, serves=True, after_s=0.0)
        await eventually(lambda: front.listed == ["b", "a"])


async def test_a_connection_that_is_refused_is_counted_and_broken_off_and_nobody_else_is_tried() -> None:
    async with fronting(Place("c", free_port())) as (front, _):
        assert [await ask(front) for _ in range(2)] == ["a", "b"]
        with pytest.raises(ConnectionResetError):
            await ask_until_reset(front)
        assert [refused.replica for refused in front.refused] == ["c"]


async def ask_until_reset(front: Front) -> None:
    """Ask, and take an end without a word for the reset that it may be told as."""
    if await ask(front) == "":
        raise ConnectionResetError


async def test_open_connections_are_counted_by_replica() -> None:
    async with fronting() as (front, (a, b)):
        _, writer = await asyncio.open_connection("127.0.0.1", front.port)
        await eventually(lambda: front.open_at(a) == 1)
        assert front.open_at(b) == 0
        writer.transport.abort()
        await eventually(lambda: front.open_at(a) == 0)
