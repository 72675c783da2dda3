"""Hot requests that go past ASGI: what the edge protocol and the handler's answer make of the bytes on the wire."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.app.asgi import Handler
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import Headers, Inbound, Responder
from tests.e2e.edge_handlers import Echo, create_direct
from tests.support.live_edge import live_edge
from tests.support.raw_http import CLOSES_WITHIN_S, Answer, converse, one_answer, post
from tests.support.waiting import eventually

ASKED = post(b"Content-Length: 2", b"Connection: close", body=b"{}")


def answering(headers: Headers, *parts: bytes, status: int = 200) -> Handler:
    """Make a handler that reads the body and sends the parts, the last one as the end."""

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        await responder.send_head(status, headers)
        for part in parts[:-1]:
            await responder.send_chunk(part)
        await responder.finish(parts[-1])

    return handler


async def answers_of(handler: Handler, *sent: bytes) -> Sequence[Answer]:
    async with live_edge(create_direct(handler), edge_protocol(EdgeLimits)) as port:
        return await converse(port, *sent)


async def raw_answer(handler: Handler, sent: bytes) -> bytes:
    async with live_edge(create_direct(handler), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(CLOSES_WITHIN_S):
            answer = await reader.read()
        writer.close()
        return answer


async def test_an_answer_of_announced_length_is_not_chunked() -> None:
    (answer,) = await answers_of(answering([(b"content-length", b"4")], b"on", b"e", b"!"), ASKED)
    assert answer.body == b"one!"
    assert b"transfer-encoding" not in answer.headers


async def test_a_client_of_http_1_0_gets_no_chunks_and_an_end_of_connection() -> None:
    raw = await raw_answer(answering([], b"one ", b"two"), ASKED.replace(b"HTTP/1.1", b"HTTP/1.0"))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body == b"one two"
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head


async def test_many_requests_share_a_connection() -> None:
    echo = Echo()
    async with live_edge(create_direct(echo), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for size in (0, 1, 100_000):
            writer.write(post(b"Content-Length: %d" % size, body=b"x" * size))
            answer = await one_answer(reader)
            assert answer.body == b'{"bytes":%d}' % size
            assert b"connection" not in answer.headers
        writer.close()


async def test_a_query_leaves_the_request_to_asgi_and_to_the_same_handler() -> None:
    sent = post(b"Content-Length: 2", b"Connection: close", body=b"{}", path=b"/v1/chat/completions?a=b")
    (answer,) = await answers_of(Echo(), sent)
    assert answer.body == b'{"bytes":2}'


@pytest.mark.parametrize("value", [b"a\r\nx-evil: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_with_a_line_break_is_never_sent(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    raw = await raw_answer(answering([(b"x-good", value)], b"all"), ASKED)
    assert b"x-good" not in raw
    assert "A handler let a fault through." in caplog.messages


@pytest.mark.parametrize("length", [b"2", b"4"])
async def test_an_answer_of_another_length_than_announced_ends_the_connection(
    length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sent = post(b"Content-Length: 2", body=b"{}")
    await raw_answer(answering([(b"content-length", length)], b"all"), sent)
    assert "A handler let a fault through." in caplog.messages


async def test_a_fault_before_the_answer_is_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        raise RuntimeError("secret")

    (answer,) = await answers_of(handler, post(b"Content-Length: 2", body=b"{}"))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body
    assert "A handler let a fault through." in caplog.messages


async def test_an_answer_left_unfinished_is_cut_off() -> None:
    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        await inbound.read_body(100, 5.0)
        await responder.send_head(200, [(b"content-length", b"10")])

    raw = await raw_answer(handler, post(b"Content-Length: 2", body=b"{}"))
    assert raw.endswith(b"content-length: 10\r\n\r\n")


async def test_a_handler_that_is_cancelled_says_so_to_its_client(caplog: pytest.LogCaptureFixture) -> None:
    tasks: list[asyncio.Task[None] | None] = []

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        tasks.append(asyncio.current_task())
        await asyncio.Event().wait()

    async with live_edge(create_direct(handler), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", body=b"{}"))
        await eventually(lambda: tasks)
        assert tasks[0] is not None
        tasks[0].cancel()
        answer = await one_answer(reader)
        writer.close()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert not caplog.records
