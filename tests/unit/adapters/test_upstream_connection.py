"""One connection: what it takes for an answer, and how it ends."""

import asyncio
import contextlib
import socket
from functools import partial

import httpx
import pytest

from gateway.adapters.upstream_body import PAUSE_ABOVE_BYTES, ResponseBody
from gateway.adapters.upstream_connection import READ_BYTES, Connection
from gateway.adapters.upstream_lean import LeanTransport
from tests.support.behaviours import json_reply
from tests.support.fault_server import FaultServer
from tests.support.networks import LeanNetwork, chunks_of, lean_network
from tests.support.scripts import End, Hold, Reply, Send
from tests.support.waiting import eventually, settled


async def test_small_writes_are_not_held_back() -> None:
    async with FaultServer() as server:
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: Connection(lambda _: None, lambda _: None, 1_024, 0.0, memoryview(bytearray(READ_BYTES))),
            "127.0.0.1",
            server.port,
        )
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.abort()


async def test_bytes_on_an_idle_connection_close_it() -> None:
    later = asyncio.Event()
    async with lean_network() as net:
        net.plan.queue(
            lambda _: Reply(raw_head=b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", body=(Hold(later), Send(b"?")))
        )
        await net.fetch()
        assert net.stats().idle == 1
        later.set()
        await eventually(lambda: net.stats().open == 0)


@pytest.mark.parametrize(("filler", "fits"), [(900, True), (1_100, False)])
async def test_the_limit_on_the_head_counts_the_head_alone(filler: int, fits: bool) -> None:
    async with lean_network(LeanTransport(max_head_bytes=1_024)) as net:
        net.plan.queue(lambda _: json_reply(200, b"x" * 100_000, ((b"x-filler", b"a" * filler),)))
        if fits:
            assert len(await net.fetch()) == 100_000
        else:
            with pytest.raises(httpx.RemoteProtocolError, match="larger than 1024 bytes"):
                await net.fetch()


async def test_of_an_answer_that_nobody_reads_no_more_is_held_than_a_read_beyond_the_limit() -> None:
    async with lean_network() as net:
        net.plan.queue(lambda _: json_reply(200, b"x" * 4_000_000))
        response = await net.ask()
        await settled(lambda: net.requests[0].sent_bytes)
        body = response.stream
        assert isinstance(body, ResponseBody)
        assert PAUSE_ABOVE_BYTES < body.unread_bytes <= PAUSE_ABOVE_BYTES + READ_BYTES
        assert len(b"".join(await chunks_of(response))) == 4_000_000


async def test_endless_interim_answers_are_cut_off() -> None:
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 200
    async with lean_network(LeanTransport(max_head_bytes=1_024)) as net:
        net.plan.queue(lambda _: Reply(raw_head=flood, body=(End.STALL,)))
        with pytest.raises(httpx.RemoteProtocolError, match="larger than"):
            await net.fetch()


async def test_switching_protocols_is_refused() -> None:
    async with lean_network() as net:
        net.plan.queue(lambda _: Reply(raw_head=b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"))
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch()


async def test_what_arrived_together_is_one_chunk() -> None:
    async with lean_network() as net:
        response = await net.ask("streams:50", stream=True)
        await eventually(net.requests[0].finished.is_set)
        await eventually(lambda: net.stats().idle == 1)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        assert len([chunk async for chunk in response.stream]) == 1


async def test_cancelling_after_the_answer_was_complete_disturbs_nobody() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0)) as net:
        for number in range(0, 60, 2):
            asking = asyncio.create_task(net.fetch())
            await eventually(partial(_was_answered, net, number))
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            assert b"Paris" in await net.fetch()


def _was_answered(net: LeanNetwork, number: int) -> bool:
    return len(net.requests) > number and net.requests[number].finished.is_set()
