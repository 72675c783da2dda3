"""Clients that send or read slowly are bounded in time and cost the others nothing."""

import asyncio
from dataclasses import replace

from gateway.app.door import create_app
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import ClientGone, Inbound, Responder
from tests.e2e.edge_handlers import Echo
from tests.support.live_edge import live_edge
from tests.support.raw_http import CLOSES_WITHIN_S, answers_in, converse, one_answer, post

SHORT_S = 0.2
SWEEP_S = 0.02
LIMITS = replace(EdgeLimits(), headers_timeout_s=SHORT_S)


async def trickle(port: int, data: bytes, every_s: float) -> bytes:
    """Send a byte at a time until the server closes; return what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await asyncio.sleep(every_s)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(CLOSES_WITHIN_S):
            return await reader.read()
    finally:
        sending.cancel()
        writer.close()


async def test_a_head_that_trickles_in_is_cut_off_however_steadily_it_comes() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(lambda: LIMITS, sweep_s=SWEEP_S)) as port:
        (answer,) = answers_in(await trickle(port, post(b"X: " + b"y" * 1_000), SHORT_S / 20))
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert not echo.calls


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async with live_edge(create_app(Echo(), []), edge_protocol(lambda: LIMITS, sweep_s=SWEEP_S)) as port:
        assert await converse(port) == []


async def test_empty_lines_do_not_keep_a_connection_open() -> None:
    async with live_edge(create_app(Echo(), []), edge_protocol(lambda: LIMITS, sweep_s=SWEEP_S)) as port:
        (answer,) = answers_in(await trickle(port, b"\r\n" * 500, SHORT_S / 20))
        assert answer.status == 408


async def test_a_second_head_on_a_connection_has_the_same_limit() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(lambda: LIMITS, sweep_s=SWEEP_S)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 0"))
        assert (await one_answer(reader)).status == 200
        writer.write(b"POST /v1/chat")
        async with asyncio.timeout(CLOSES_WITHIN_S):
            (second,) = answers_in(await reader.read())
        assert (second.status, second.code) == (408, "request_timeout")
        writer.close()


async def test_a_body_that_trickles_in_is_cut_off() -> None:
    echo = Echo(timeout_s=SHORT_S)
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits, sweep_s=SWEEP_S)) as port:
        (answer,) = answers_in(await trickle(port, post(b"Content-Length: 9999", body=b"x" * 999), 0.001))
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert not echo.bodies


async def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    async with live_edge(
        create_app(Echo(), []), edge_protocol(EdgeLimits, keep_alive_s=SHORT_S, sweep_s=SWEEP_S)
    ) as port:
        (answer,) = await converse(port, post(b"Content-Length: 0"))
        assert answer.status == 200


async def test_a_client_that_does_not_read_is_gone_after_the_slow_client_time() -> None:
    cut = asyncio.Event()

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        responder.watch()
        await responder.send_head(200, [(b"content-type", b"text/event-stream")])
        try:
            while True:
                await responder.send_chunk(b"x" * 65_536)
        except ClientGone:
            cut.set()

    protocol = edge_protocol(EdgeLimits, slow_client_s=SHORT_S, sweep_s=SWEEP_S)
    async with live_edge(create_app(handler, []), protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(post(b"Content-Length: 0"))
        async with asyncio.timeout(CLOSES_WITHIN_S):
            await cut.wait()
        writer.close()
        assert not reader.at_eof()


async def test_a_client_that_reads_slowly_but_steadily_is_not_cut_off() -> None:
    size = 4 * 1024 * 1024
    finished = asyncio.Event()

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        responder.watch()
        await responder.send_head(200, [(b"content-length", b"%d" % size)])
        await responder.send_chunk(b"x" * size)
        await responder.finish()
        finished.set()

    protocol = edge_protocol(EdgeLimits, slow_client_s=SHORT_S, sweep_s=SWEEP_S)
    async with live_edge(create_app(handler, []), protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
        writer.write(post(b"Content-Length: 0", b"Connection: close"))
        received = 0
        async with asyncio.timeout(CLOSES_WITHIN_S):
            while part := await reader.read(64 * 1024):
                received += len(part)
                await asyncio.sleep(SHORT_S / 100)
        assert received > size
        assert finished.is_set()
        writer.close()


async def test_hundreds_of_slow_clients_leave_the_others_unhindered() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        for _, writer in slow:
            writer.write(b"POST /v1/chat")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(CLOSES_WITHIN_S):
            for _ in range(200):
                writer.write(post(b"Content-Length: 2", body=b"{}"))
                assert (await one_answer(reader)).status == 200
        for _, each in [*slow, (reader, writer)]:
            each.close()
