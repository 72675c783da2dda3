"""Slow clients are held open, replaced, and each of their ends is judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.app.door import create_app
from gateway.app.edge_protocol import edge_protocol
from gateway.app.refusal import refusal
from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import Inbound, Responder
from load_tests.launch import free_port
from load_tests.slow_client import Kind, SlowTerms
from load_tests.slow_crowd import SlowCrowd, fault_lines, script_of
from tests.support.live_edge import live_edge
from tests.support.waiting import eventually

SHORT_S = 0.2
TERMS = SlowTerms(dict.fromkeys(Kind, SHORT_S), slack_s=1.0, byte_every_s=0.02, fills_within_s=0.5)
HASTY = SlowTerms(dict.fromkeys(Kind, 0.1), slack_s=0.1, byte_every_s=0.02, fills_within_s=0.1)
ALL = tuple(Kind)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: [DONE]\n\n"


async def talk(operation: Operation, inbound: Inbound, responder: Responder) -> None:
    """Answer as a gateway does: a body in time with a stream that never ends, another one with a refusal."""
    try:
        await inbound.read_body(100_000, SHORT_S)
    except GatewayError as error:
        status, headers, text = refusal(error)
        await responder.send_head(status, headers)
        await responder.finish(text)
        return
    responder.watch()
    await responder.send_head(200, [(b"content-type", b"text/event-stream")])
    while True:
        await responder.send_chunk(b"data: on and on\n\n" * 1_000)


@asynccontextmanager
async def server_that_says(*said: bytes, then_leaves: bool) -> AsyncIterator[int]:
    """Answer every connection the same, at once, and close it or leave it open."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.writelines(said)
        if then_leaves:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


async def test_a_gateway_with_limits_ends_every_slow_client_as_they_say() -> None:
    limits = replace(EdgeLimits(), headers_timeout_s=SHORT_S)
    protocol = edge_protocol(lambda: limits, slow_client_s=SHORT_S, sweep_s=0.02)
    async with live_edge(create_app(talk, []), protocol) as port:
        crowd = SlowCrowd(port, 6, TERMS, ALL)
        await crowd.come(0.05)
        await eventually(lambda: crowd.open_now == 6)
        await eventually(lambda: crowd.ends[Kind.HEAD].well > 2)
        await crowd.leave()
    assert crowd.open_now == 0
    assert not list(fault_lines(crowd.ends.items()))
    assert min(ends.well for ends in crowd.ends.values()) >= 2
    assert crowd.ends[Kind.HEAD].well > 2, "who is ended is replaced while the crowd stays"


@pytest.mark.parametrize(
    ("kind", "said", "then_leaves", "fault"),
    [
        (Kind.HEAD, b"", False, "was still open after"),
        (Kind.BODY, b"", True, "was cut off without a word after"),
        (Kind.BODY, b"HTTP/1.1 408 Request Timeout\r\n\r\n", True, "was ended after 0.0 s instead of 0.1 s"),
        (Kind.BODY, b"HTTP/1.1 200 OK\r\n\r\n", True, "was told b'HTTP/1.1 200 OK"),
        (Kind.READER, b"HTTP/1.1 503 Service Unavailable\r\n\r\n", True, "was told b'HTTP/1.1 503"),
        (Kind.READER, STREAM, False, "was not cut off: its stream went on to its end"),
    ],
)
async def test_any_other_end_is_a_fault(kind: Kind, said: bytes, then_leaves: bool, fault: str) -> None:
    async with server_that_says(said, then_leaves=then_leaves) as port:
        crowd = SlowCrowd(port, 1, HASTY, (kind,))
        await crowd.come(0.0)
        await crowd.leave()
    (line,) = fault_lines(crowd.ends.items())
    assert line.startswith(f"1 times, a client that {kind.value} {fault}")


async def test_a_server_that_is_not_there_is_told_and_not_tried_again() -> None:
    crowd = SlowCrowd(free_port(), 2, HASTY, (Kind.HEAD,))
    await crowd.come(0.0)
    await crowd.leave()
    (line,) = fault_lines(crowd.ends.items())
    assert line == "2 times, a client that sends its headers a byte at a time cannot connect: Connection refused"


def test_a_slow_head_and_body_have_nothing_that_would_end_them_sooner() -> None:
    assert b"\r\n\r\n" not in script_of(Kind.HEAD, 80, 1).trickle
    head, _, body = script_of(Kind.BODY, 80, 1).at_once.partition(b"\r\n\r\n")
    assert (b"content-length: 1000" in head, body) == (True, b"")


def test_no_two_readers_ask_for_the_same() -> None:
    assert script_of(Kind.READER, 80, 1).at_once != script_of(Kind.READER, 80, 2).at_once
