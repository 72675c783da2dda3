"""Bodies: too large, too many bytes around them, cut short, announced and not wanted; with ASGI between or without."""

import asyncio
import time
from typing import cast

import pytest

from gateway.app.asgi import Handler
from gateway.app.edge_protocol import LINGER_BYTES, edge_protocol
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import Inbound, Responder
from tests.e2e.edge_handlers import AppOf, Echo, create_asgi, create_direct
from tests.support.live_edge import live_edge
from tests.support.raw_http import CLOSES_WITHIN_S, answers_in, converse, one_answer, post
from tests.support.waiting import eventually

CAP_BYTES = 8 * 1024 * 1024
IN_FLIGHT_BYTES = 12 * 1024 * 1024
"""What the kernel may hold between client and server on loopback, generously."""


@pytest.fixture(params=[create_direct, create_asgi], ids=["direct", "asgi"])
def app_of(request: pytest.FixtureRequest) -> AppOf:
    return cast(AppOf, request.param)


async def test_an_announced_body_over_the_limit_is_refused_before_it_comes(app_of: AppOf) -> None:
    echo = Echo(limit_bytes=CAP_BYTES)
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Content-Length: %d" % (CAP_BYTES + 1)))
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert answer.headers[b"connection"] == b"close"
        assert not echo.bodies


async def test_the_refusal_reaches_a_client_that_sends_its_large_body_without_listening(app_of: AppOf) -> None:
    echo = Echo(limit_bytes=1_000)
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        body = b"x" * (LINGER_BYTES // 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: %d" % len(body)))
        for start in range(0, len(body), 4_096):
            writer.write(body[start : start + 4_096])
            await writer.drain()
        answer = await one_answer(reader)
        assert (answer.status, answer.code) == (413, "body_too_large")
        writer.close()


async def test_an_unannounced_body_is_refused_a_chunk_over_the_limit_and_no_longer_read(app_of: AppOf) -> None:
    echo = Echo(limit_bytes=CAP_BYTES)
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    sent = 0
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Transfer-Encoding: chunked"))

        async def send_without_end() -> None:
            nonlocal sent
            while True:
                writer.write(chunk)
                await writer.drain()
                sent += len(chunk)

        async with asyncio.timeout(CLOSES_WITHIN_S):
            with pytest.raises(ConnectionError):
                await send_without_end()
        assert CAP_BYTES < sent < CAP_BYTES + LINGER_BYTES + IN_FLIGHT_BYTES
        assert not echo.bodies
        assert not reader.at_eof()
        writer.close()


async def test_a_body_of_exactly_the_limit_passes(app_of: AppOf) -> None:
    echo = Echo(limit_bytes=CAP_BYTES)
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        body = b"x" * CAP_BYTES
        (answer,) = await converse(port, post(b"Content-Length: %d" % CAP_BYTES, b"Connection: close"), body)
        assert answer.body == b'{"bytes":%d}' % CAP_BYTES


async def test_a_megabyte_of_brackets_comes_through_whole_and_fast(app_of: AppOf) -> None:
    echo = Echo()
    body = b"[" * 1_000_000
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        started_s = time.perf_counter()
        (answer,) = await converse(port, post(b"Content-Length: 1000000", b"Connection: close", body=body))
        assert time.perf_counter() - started_s < 1.0
        assert answer.status == 200
        assert echo.bodies == [body]


async def test_a_bad_key_gets_its_answer_without_being_told_to_go_on(app_of: AppOf) -> None:
    echo = Echo(key=b"right")
    head = (b"Content-Length: 5", b"Expect: 100-continue", b"Authorization: Bearer wrong")
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(*head))
        assert (answer.status, answer.code) == (401, "invalid_api_key")
        assert answer.headers[b"connection"] == b"close"


async def test_a_good_key_is_told_to_go_on_once(app_of: AppOf) -> None:
    echo = Echo(key=b"right")
    head = (b"Content-Length: 5", b"Expect: 100-continue", b"Authorization: Bearer right", b"Connection: close")
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(*head))
        async with asyncio.timeout(CLOSES_WITHIN_S):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hel")
            await writer.drain()
            writer.write(b"lo")
            (answer,) = answers_in(await reader.read())
        assert answer.body == b'{"bytes":5}'
        writer.close()


async def test_an_early_answer_ends_a_connection_whose_body_was_not_read(app_of: AppOf) -> None:
    echo = Echo(key=b"right")
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Content-Length: 2", body=b"{}"))
        assert answer.status == 401
        assert answer.headers[b"connection"] == b"close"


async def test_a_client_that_half_closes_is_gone_and_costs_no_model_call(app_of: AppOf) -> None:
    dispatched = 0
    left = asyncio.Event()

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        nonlocal dispatched
        await inbound.read_body(100, 5.0)
        responder.watch()
        await responder.gone.wait()
        left.set()
        if not responder.gone.is_set():
            dispatched += 1

    async with live_edge(app_of(handler), edge_protocol(EdgeLimits)) as port:
        assert await converse(port, post(b"Content-Length: 2", body=b"{}"), half_close=True) == []
        await left.wait()
        assert not dispatched


async def test_a_handler_that_ends_because_its_client_left_is_no_fault(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        responder.watch()
        await responder.gone.wait()
        ended.set()

    async with live_edge(app_of(handler), edge_protocol(EdgeLimits)) as port:
        assert await converse(port, post(b"Content-Length: 2", body=b"{}"), half_close=True) == []
        await ended.wait()
    assert caplog.records == []


async def test_a_client_that_leaves_within_its_body_is_gone(app_of: AppOf) -> None:
    echo = Echo()
    async with live_edge(app_of(echo), edge_protocol(EdgeLimits)) as port:
        assert await converse(port, post(b"Content-Length: 10", body=b"half"), half_close=True) == []
        await eventually(lambda: echo.gone == 1)
        assert not echo.bodies


def streamer(parts: int, *, pause: asyncio.Event | None = None) -> Handler:
    """Make a handler that streams parts, waiting for `pause` behind the first."""

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        responder.watch()
        await responder.send_head(200, [(b"content-type", b"text/event-stream")])
        for number in range(parts):
            await responder.send_chunk(b"data: %d\n\n" % number)
            if pause is not None and number == 0:
                await pause.wait()
        await responder.finish()

    return handler


async def test_a_stream_passes_as_it_was_sent(app_of: AppOf) -> None:
    async with live_edge(app_of(streamer(50)), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Content-Length: 2", b"Connection: close", body=b"{}"))
        assert answer.body == b"".join(b"data: %d\n\n" % number for number in range(50))


async def test_a_request_sent_into_a_running_stream_is_never_answered(app_of: AppOf) -> None:
    pause = asyncio.Event()
    async with live_edge(app_of(streamer(3, pause=pause)), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", body=b"{}"))
        async with asyncio.timeout(CLOSES_WITHIN_S):
            begun = await reader.readuntil(b"data: 0\n\n")
            writer.write(post(b"Content-Length: 2", body=b"{}"))
            await writer.drain()
            pause.set()
            (answer,) = answers_in(begun + await reader.read())
        assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
        writer.close()
