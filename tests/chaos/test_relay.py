"""The relay does to a connection what it says, seen from both of its ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.impair import Cut, Door, Flow, Way
from tests.chaos.relay import CORRUPT_BYTES, Relay
from tests.support.waiting import eventually

SAID = bytes(range(1, 201)) * 10
REQUEST = b"POST / HTTP/1.1\r\n\r\nchaos 17 n=1"
UNANSWERED_S = 0.3
"""Long enough for loopback, where an answer takes a millisecond."""


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Relay, list[str]]]:
    """A relay to a server that answers each piece with the same text; the list says what the server saw of ends."""
    ends: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1024):
                writer.write(SAID)
                await writer.drain()
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    relay = Relay("a", server.sockets[0].getsockname()[1])
    relay.start()
    try:
        yield relay, ends
    finally:
        await relay.aclose()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def asking(relay: Relay) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection through the relay on which a request was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    try:
        writer.write(REQUEST)
        yield reader, writer
    finally:
        writer.transport.abort()


async def nothing_comes(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(UNANSWERED_S):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def until_reset(reader: asyncio.StreamReader) -> bytes:
    """Read byte by byte what comes before the reset, which must come."""
    read = b""
    try:
        while part := await reader.read(1):
            read += part
    except ConnectionResetError:
        return read
    raise AssertionError(f"ended in good order after {len(read)} bytes")


async def test_a_clean_path_passes_everything_on_and_ends_both_ways() -> None:
    async with relayed() as (relay, ends), asking(relay) as (reader, writer):
        assert await reader.readexactly(len(SAID)) == SAID
        writer.write_eof()
        assert await reader.read() == b""
        assert ends == ["closed"]


async def test_what_passes_is_told_by_its_requests_number_both_ways() -> None:
    async with relayed() as (relay, _):
        seen: list[tuple[int, Way]] = []
        relay.watch = lambda _, request, way: seen.append((request, way))
        async with asking(relay) as (reader, _):
            await reader.readexactly(len(SAID))
    assert seen == [(17, Way.REQUEST), (17, Way.ANSWER)]


@pytest.mark.parametrize("at_byte", [0, 1, 777])
async def test_a_reset_comes_at_the_byte_that_was_chosen_and_reaches_both_sides(at_byte: int) -> None:
    async with relayed() as (relay, ends):
        relay.set_flow(Way.ANSWER, Flow(cut=Cut.RESET, cut_at_byte=at_byte))
        async with asking(relay) as (reader, _):
            read = await until_reset(reader)
            # A reset may overtake what was sent before it.
            assert SAID[:at_byte].startswith(read)
            await eventually(lambda: ends == ["reset"])


@pytest.mark.parametrize("at_byte", [0, 1, 777])
async def test_an_orderly_end_comes_at_the_byte_that_was_chosen(at_byte: int) -> None:
    async with relayed() as (relay, _):
        relay.set_flow(Way.ANSWER, Flow(cut=Cut.CLOSE, cut_at_byte=at_byte))
        async with asking(relay) as (reader, _):
            assert await reader.read() == SAID[:at_byte]


async def test_a_stretch_is_damaged_and_the_rest_is_not() -> None:
    async with relayed() as (relay, _):
        relay.set_flow(Way.ANSWER, Flow(corrupt_at_byte=100))
        async with asking(relay) as (reader, _):
            answer = await reader.readexactly(len(SAID))
    assert answer == SAID[:100] + bytes(CORRUPT_BYTES) + SAID[100 + CORRUPT_BYTES :]


async def test_a_stalled_way_passes_nothing_until_it_heals() -> None:
    async with relayed() as (relay, _):
        relay.set_flow(Way.ANSWER, Flow(is_stalled=True))
        async with asking(relay) as (reader, _):
            assert await nothing_comes(reader)
            relay.heal()
            assert await reader.readexactly(len(SAID)) == SAID


@pytest.mark.parametrize("flow", [Flow(delay_s=0.2), Flow(bytes_per_s=len(SAID) / 0.2)])
async def test_a_slow_way_passes_everything_and_takes_its_time(flow: Flow) -> None:
    async with relayed() as (relay, _):
        relay.set_flow(Way.ANSWER, flow)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with asking(relay) as (reader, _):
            assert await reader.readexactly(len(SAID)) == SAID
        assert loop.time() - began_s >= 0.19


async def test_a_door_that_refuses_or_swallows_opens_again_on_the_same_port() -> None:
    async with relayed() as (relay, _):
        relay.set_door(Door.REFUSES)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", relay.port)
        relay.set_door(Door.SWALLOWS)
        async with asking(relay) as (reader, _):
            assert await nothing_comes(reader)
        relay.heal()
        async with asking(relay) as (reader, _):
            assert await reader.readexactly(len(SAID)) == SAID


async def test_a_door_that_ignores_leaves_connections_hanging_and_opens_again() -> None:
    async with relayed() as (relay, _):
        relay.set_door(Door.IGNORES)
        with socket.socket() as probe:
            probe.setblocking(False)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(UNANSWERED_S):
                    await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", relay.port))
        relay.heal()
        async with asking(relay) as (reader, _):
            assert await reader.readexactly(len(SAID)) == SAID


async def test_a_path_that_is_broken_off_as_somebody_comes_stays_open_to_others() -> None:
    async with relayed() as (relay, _):
        with socket.socket() as early:
            early.connect(("127.0.0.1", relay.port))
            for _ in range(20):
                relay.break_off(Cut.CLOSE)
                await asyncio.sleep(0)
        async with asking(relay) as (reader, _):
            assert await reader.readexactly(len(SAID)) == SAID


async def test_a_server_that_is_not_there_resets_those_who_come() -> None:
    async with relayed() as (relay, _):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            relay.to_port = nobody.getsockname()[1]
            async with asking(relay) as (reader, _):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
