"""The ASGI adapter against receive and send functions: what no well-behaved server shows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message, Receive, Scope

from gateway.app.asgi import CONNECTION, AsgiInbound, AsgiResponder
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.ports import ClientGone, Headers


class Line:
    """An ASGI server's two functions. `receive` waits when nothing is queued; `send` records."""

    def __init__(self, *messages: Message) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self.queue.put_nowait(message)
        self.sent: list[Message] = []
        self.broken = False

    async def receive(self) -> Message:
        """Return the next message at once, or wait for it."""
        return self.queue.get_nowait() if not self.queue.empty() else await self.queue.get()

    async def send(self, message: Message) -> None:
        """Record a message."""
        if self.broken:
            raise OSError("the connection is closed")
        self.sent.append(message)


class Link:
    """What a server offers beside ASGI."""

    def __init__(self, *, is_lost: bool = False) -> None:
        self.is_lost = is_lost
        self.watchers: set[Callable[[], None]] = set()


def part(body: bytes, *, more: bool = False) -> Message:
    """Write the message that carries a part of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


def scope(headers: Headers = (), link: Link | None = None) -> Scope:
    """Write the scope of a request."""
    extensions = {} if link is None else {"extensions": {CONNECTION: link}}
    return {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": list(headers), **extensions}


def inbound(receive: Receive, *headers: tuple[bytes, bytes]) -> AsgiInbound:
    """Build the request's side."""
    return AsgiInbound(scope(headers), receive)


@asynccontextmanager
async def responding(line: Line, link: Link | None = None) -> AsyncIterator[AsgiResponder]:
    """Build the way back, and close it."""
    asked = scope(link=link)
    responder = AsgiResponder(asked, line.receive, line.send, AsgiInbound(asked, line.receive))
    try:
        yield responder
    finally:
        await responder.aclose()


async def test_a_body_that_is_here_is_read_at_once() -> None:
    line = Line(part(b"one ", more=True), part(b"two"))
    assert await inbound(line.receive).read_body(100, 5.0) == b"one two"


async def test_a_message_without_a_body_is_an_empty_part() -> None:
    line = Line({"type": "http.request"})
    assert await inbound(line.receive).read_body(100, 5.0) == b""


async def test_a_body_that_comes_later_is_waited_for() -> None:
    line = Line()
    reading = asyncio.create_task(inbound(line.receive).read_body(100, 5.0))
    await asyncio.sleep(0)
    line.queue.put_nowait(part(b"one ", more=True))
    line.queue.put_nowait(part(b"two"))
    assert await reading == b"one two"


async def test_a_reader_that_is_cancelled_leaves_nothing_waiting() -> None:
    line = Line()
    reading = asyncio.create_task(inbound(line.receive).read_body(100, 5.0))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    line.queue.put_nowait(part(b"late"))
    assert await line.receive() == part(b"late")


async def test_time_for_the_body_is_counted_once_for_all_its_parts() -> None:
    line = Line(part(b"one", more=True))
    with pytest.raises(GatewayError) as refused:
        await inbound(line.receive).read_body(100, 0.02)
    assert refused.value.code is ErrorCode.REQUEST_TIMEOUT


@pytest.mark.parametrize("length", [b"101", b"9" * 19, b"9" * 5_000])
async def test_an_announced_length_over_the_limit_is_refused_without_reading(length: bytes) -> None:
    line = Line()
    with pytest.raises(GatewayError) as refused:
        await inbound(line.receive, (b"content-length", length)).read_body(100, 5.0)
    assert refused.value.code is ErrorCode.BODY_TOO_LARGE


@pytest.mark.parametrize("length", [b"", b"-1", b"+5", b"0x5", b"5,5", b"\xc2\xb2"])
async def test_a_length_that_is_no_number_is_refused_also_behind_a_lenient_server(length: bytes) -> None:
    line = Line()
    with pytest.raises(GatewayError) as refused:
        await inbound(line.receive, (b"content-length", length)).read_body(100, 5.0)
    assert refused.value.code is ErrorCode.BAD_REQUEST_LINE


@pytest.mark.parametrize(
    ("headers", "unread"),
    [
        ([], False),
        ([(b"content-length", b"0")], False),
        ([(b"content-length", b"2")], True),
        ([(b"transfer-encoding", b"chunked")], True),
    ],
)
async def test_an_answer_before_the_body_was_read_closes_the_connection(headers: Headers, unread: bool) -> None:
    line = Line()
    asked = scope(headers)
    responder = AsgiResponder(asked, line.receive, line.send, AsgiInbound(asked, line.receive))
    await responder.send_head(401, [(b"x", b"y")])
    assert ((b"connection", b"close") in line.sent[0]["headers"]) is unread


async def test_an_answer_behind_the_body_keeps_the_connection() -> None:
    line = Line(part(b"{}"))
    asked = scope([(b"content-length", b"2")])
    request = AsgiInbound(asked, line.receive)
    responder = AsgiResponder(asked, line.receive, line.send, request)
    await request.read_body(100, 5.0)
    await responder.send_head(200, [(b"x", b"y")])
    assert line.sent[0]["headers"] == [(b"x", b"y")]


async def test_a_server_that_fails_sends_has_lost_its_client() -> None:
    line = Line()
    async with responding(line) as responder:
        line.broken = True
        with pytest.raises(ClientGone):
            await responder.send_head(200, [])
        assert responder.gone.is_set()


async def test_a_server_that_reports_the_end_of_a_complete_answer_has_not_lost_its_client() -> None:
    line = Line()
    async with responding(line) as responder:
        responder.watch()
        await responder.send_head(200, [])
        await responder.finish(b"all")
        line.queue.put_nowait({"type": "http.disconnect"})
        await asyncio.sleep(0)
        assert not responder.gone.is_set()


async def test_a_connection_that_is_lost_already_is_noticed_by_the_watch() -> None:
    async with responding(Line(), Link(is_lost=True)) as responder:
        responder.watch()
        await asyncio.sleep(0)
        assert responder.gone.is_set()


async def test_a_finished_answer_is_no_longer_watched() -> None:
    link = Link()
    async with responding(Line(), link) as responder:
        responder.watch()
        assert len(link.watchers) == 1
        await responder.send_head(200, [])
        await responder.finish()
        assert not link.watchers


async def test_a_client_that_leaves_while_a_send_waits_is_noticed_behind_it() -> None:
    link = Link()
    line = Line()
    async with responding(line, link) as responder:
        responder.watch()
        await responder.send_head(200, [])
        for tell in link.watchers:
            tell()
        with pytest.raises(ClientGone):
            await responder.send_chunk(b"x")
        assert len(line.sent) == 1
