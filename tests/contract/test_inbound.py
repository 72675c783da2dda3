"""What the pipeline may rely on at the door, of the fakes as of the real adapter on real sockets."""

import asyncio
from asyncio import Event, StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from weakref import ref

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.app.asgi import AsgiResponder
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import ClientGone, Inbound, Responder
from tests.e2e.edge_handlers import AppOf, create_asgi, create_direct
from tests.support.fake_inbound import FakeClient
from tests.support.live_edge import live_edge
from tests.support.waiting import eventually

HEAD = [(b"content-type", b"text/plain")]
BIG = b"x" * 65_536
BIG_PARTS = 400
"""Together 25 MiB: more than all buffers between the two sides take while nobody reads."""


class Exchange(Protocol):
    """One request under way: the port's two sides, and the client to steer."""

    inbound: Inbound
    responder: Responder

    async def say(self, part: bytes) -> None: ...

    async def end_body(self) -> None: ...

    async def leave(self) -> None: ...

    def stop_reading(self) -> None: ...

    def read_on(self) -> None: ...

    async def answer(self) -> bytes:
        """Return the answer's body once it is complete."""


Headers = Sequence[tuple[bytes, bytes]]
Opener = Callable[[Headers], AbstractAsyncContextManager[Exchange]]


class FakeExchange:
    """The fakes, steered directly."""

    def __init__(self, headers: Headers) -> None:
        self._client = FakeClient(headers=headers, ends=False)
        self.inbound: Inbound = self._client.inbound
        self.responder: Responder = self._client.responder

    async def say(self, part: bytes) -> None:
        self._client.inbound.say(part)

    async def end_body(self) -> None:
        self._client.inbound.end_body()

    async def leave(self) -> None:
        self._client.leave()

    def stop_reading(self) -> None:
        self._client.responder.stop_reading()

    def read_on(self) -> None:
        self._client.responder.read_on()

    async def answer(self) -> bytes:
        await eventually(lambda: self._client.responder.finished)
        return self._client.responder.body


@asynccontextmanager
async def open_fake(headers: Headers) -> AsyncIterator[Exchange]:
    yield FakeExchange(headers)


class SocketExchange:
    """A real connection. The body is sent in chunks, or as it is where a content-length announces it."""

    def __init__(
        self, sides: tuple[Inbound, Responder], streams: tuple[StreamReader, StreamWriter], *, chunked: bool
    ) -> None:
        self.inbound, self.responder = sides
        self._reader, self._writer = streams
        self._chunked = chunked

    async def say(self, part: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(part), part) if self._chunked else part)
        await self._writer.drain()

    async def end_body(self) -> None:
        if self._chunked:
            self._writer.write(b"0\r\n\r\n")

    async def leave(self) -> None:
        self._writer.close()

    def stop_reading(self) -> None:
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def read_on(self) -> None:
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    async def answer(self) -> bytes:
        await self._reader.readuntil(b"\r\n\r\n")
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        return body


def open_on(protocol: type[HttpToolsProtocol], app_of: AppOf = create_asgi) -> Opener:
    """Open exchanges on real sockets, served by the given protocol."""

    @asynccontextmanager
    async def open_socket(headers: Headers) -> AsyncIterator[Exchange]:
        sides: asyncio.Queue[tuple[Inbound, Responder]] = asyncio.Queue()
        done = Event()

        async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
            sides.put_nowait((inbound, responder))
            await done.wait()

        chunked = all(name != b"content-length" for name, _ in headers)
        sent = [(b"host", b"gateway"), *headers, *([(b"transfer-encoding", b"chunked")] if chunked else [])]
        async with live_edge(app_of(handler), protocol) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            lines = b"".join(name.title() + b": " + value + b"\r\n" for name, value in sent)
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\n" + lines + b"\r\n")
            try:
                yield SocketExchange(await sides.get(), (reader, writer), chunked=chunked)
            finally:
                done.set()
                writer.close()

    return open_socket


@pytest.fixture(
    params=[
        open_fake,
        open_on(HttpToolsProtocol),
        open_on(edge_protocol(EdgeLimits)),
        open_on(edge_protocol(EdgeLimits), create_direct),
    ],
    ids=["fake", "asgi", "edge", "direct"],
)
def opened(request: pytest.FixtureRequest) -> Opener:
    opener: Opener = request.param
    return opener


async def test_the_request_is_told_as_it_came(opened: Opener) -> None:
    async with opened([(b"authorization", b"Bearer k")]) as exchange:
        assert exchange.inbound.method == "POST"
        assert exchange.inbound.path == "/v1/chat/completions"
        assert (b"authorization", b"Bearer k") in list(exchange.inbound.headers)


async def test_a_body_in_parts_is_read_whole(opened: Opener) -> None:
    async with opened([]) as exchange:
        reading = asyncio.create_task(exchange.inbound.read_body(100, 5.0))
        for part in (b"one ", b"two ", b"three"):
            await exchange.say(part)
        await exchange.end_body()
        assert await reading == b"one two three"


async def test_a_body_of_exactly_the_limit_passes(opened: Opener) -> None:
    async with opened([(b"content-length", b"5")]) as exchange:
        await exchange.say(b"hello")
        await exchange.end_body()
        assert await exchange.inbound.read_body(5, 5.0) == b"hello"


async def test_an_announced_size_over_the_limit_is_refused_unread(opened: Opener) -> None:
    async with opened([(b"content-length", b"6")]) as exchange:
        with pytest.raises(GatewayError) as refused:
            await exchange.inbound.read_body(5, 5.0)
        assert refused.value.code is ErrorCode.BODY_TOO_LARGE


async def test_a_body_without_announced_size_is_refused_at_the_first_byte_over_the_limit(opened: Opener) -> None:
    async with opened([]) as exchange:
        await exchange.say(b"123")
        await exchange.say(b"456")
        with pytest.raises(GatewayError) as refused:
            await exchange.inbound.read_body(5, 5.0)
        assert refused.value.code is ErrorCode.BODY_TOO_LARGE


async def test_a_body_that_does_not_arrive_in_time_is_a_timeout(opened: Opener) -> None:
    async with opened([]) as exchange:
        await exchange.say(b"123")
        with pytest.raises(GatewayError) as refused:
            await exchange.inbound.read_body(5, 0.05)
        assert refused.value.code is ErrorCode.REQUEST_TIMEOUT


async def test_leaving_before_the_body_is_complete_ends_the_reading(opened: Opener) -> None:
    async with opened([]) as exchange:
        reading = asyncio.create_task(exchange.inbound.read_body(100, 5.0))
        await exchange.say(b"123")
        await exchange.leave()
        with pytest.raises(ClientGone):
            await reading


async def test_parts_arrive_in_order_and_empty_parts_do_not_end_the_answer(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        await exchange.responder.send_head(200, HEAD)
        await exchange.responder.send_chunk(b"one ")
        await exchange.responder.send_chunk(b"")
        await exchange.responder.send_chunk(b"two ")
        await exchange.responder.finish(b"three")
        assert await exchange.answer() == b"one two three"


async def test_an_answer_may_end_without_a_last_part(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        await exchange.responder.send_head(200, HEAD)
        await exchange.responder.send_chunk(b"all")
        await exchange.responder.finish()
        assert await exchange.answer() == b"all"


async def test_a_client_that_leaves_is_noticed_and_sends_fail(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        exchange.responder.watch()
        await exchange.responder.send_head(200, HEAD)
        assert not exchange.responder.gone.is_set()
        await exchange.leave()
        await exchange.responder.gone.wait()
        with pytest.raises(ClientGone):
            await exchange.responder.send_chunk(b"too late")
        with pytest.raises(ClientGone):
            await exchange.responder.finish()
        await exchange.responder.aclose()


async def test_a_client_that_left_before_the_watch_is_noticed_by_it(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        await exchange.leave()
        exchange.responder.watch()
        await exchange.responder.gone.wait()


@pytest.mark.parametrize("leaves_first", [False, True])
async def test_whoever_watches_is_told_once_and_never_from_within_the_watch(opened: Opener, leaves_first: bool) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        told: list[bool] = []
        if leaves_first:
            await exchange.leave()
            await asyncio.sleep(0)
        exchange.responder.watch()
        exchange.responder.watch(lambda: told.append(exchange.responder.gone.is_set()))
        assert not told
        await exchange.leave()
        await eventually(lambda: told)
        with pytest.raises(ClientGone):
            await exchange.responder.send_head(200, HEAD)
        await exchange.responder.aclose()
        assert told == [True]


async def test_nobody_is_told_behind_the_close(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        told: list[bool] = []
        exchange.responder.watch(lambda: told.append(True))
        await exchange.responder.aclose()
        await exchange.leave()
        await settled(lambda: len(told))
        assert not told


async def test_a_client_that_has_its_whole_answer_is_not_gone(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        exchange.responder.watch()
        await exchange.responder.send_head(200, HEAD)
        await exchange.responder.finish(b"all")
        assert await exchange.answer() == b"all"
        await exchange.leave()
        await exchange.responder.aclose()
        assert not exchange.responder.gone.is_set()


async def test_sends_wait_for_a_client_that_does_not_read_and_go_on_when_it_does(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        exchange.responder.watch()
        assert not exchange.responder.is_full
        exchange.stop_reading()
        sent = 0

        async def send_all() -> None:
            nonlocal sent
            await exchange.responder.send_head(200, HEAD)
            for _ in range(BIG_PARTS):
                await exchange.responder.send_chunk(BIG)
                sent += 1
            await exchange.responder.finish()

        sending = asyncio.create_task(send_all())
        assert await settled(lambda: sent) < BIG_PARTS
        # ASGI does not tell.
        assert exchange.responder.is_full != isinstance(exchange.responder, AsgiResponder)
        exchange.read_on()
        assert len(await exchange.answer()) == BIG_PARTS * len(BIG)
        await sending
        await exchange.responder.aclose()


async def test_a_send_that_waits_fails_when_the_client_leaves(opened: Opener) -> None:
    async with opened([]) as exchange:
        await read_request(exchange)
        exchange.responder.watch()
        exchange.stop_reading()

        async def send_forever() -> None:
            await exchange.responder.send_head(200, HEAD)
            while True:
                await exchange.responder.send_chunk(BIG)

        sending = asyncio.create_task(send_forever())
        await exchange.leave()
        with pytest.raises(ClientGone):
            await sending
        await exchange.responder.aclose()


async def test_closing_is_allowed_at_any_time_and_twice(opened: Opener) -> None:
    async with opened([]) as exchange:
        await exchange.responder.aclose()
        await read_request(exchange)
        exchange.responder.watch()
        await exchange.responder.aclose()
        await exchange.responder.aclose()


async def read_request(exchange: Exchange) -> None:
    await exchange.say(b"body")
    await exchange.end_body()
    assert await exchange.inbound.read_body(100, 5.0) == b"body"


async def settled(count: Callable[[], int]) -> int:
    """Return the count once it has stood still for a hundred turns of the loop."""
    last, unchanged = -1, 0
    while unchanged < 100:
        await asyncio.sleep(0)
        unchanged = unchanged + 1 if count() == last else 0
        last = count()
    return last


async def test_what_watches_is_forgotten_behind_the_close(opened: Opener) -> None:
    class Watching:
        def __init__(self, responder: Responder) -> None:
            self.responder = responder

        def gone(self) -> None:
            """Lead back to the responder, as an exchange with model servers does."""

    async with opened([]) as exchange:
        await read_request(exchange)
        watching = Watching(exchange.responder)
        exchange.responder.watch(watching.gone)
        await exchange.responder.aclose()
        forgotten = ref(watching)
        del watching
        assert forgotten() is None
