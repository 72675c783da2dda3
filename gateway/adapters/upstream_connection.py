"""One HTTP/1.1 connection to a model server: writes a request, parses its answer, one exchange at a time.

The parser is llhttp (through httptools), as in uvicorn. Nothing here awaits: the event loop calls in, futures call out.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

import httptools
import httpx

from gateway.adapters.upstream_body import ResponseBody

READ_BYTES = 32 * 1024
"""As much is read at once. An event loop left to itself reads 256 kB, all of which a client that stops would hold."""

Head = tuple[int, list[tuple[bytes, bytes]], ResponseBody]
"""Status, headers as they came, and the body to come."""

_BROKEN_SYNTAX = (httptools.HttpParserError, httptools.HttpParserUpgrade)


class _Phase(Enum):
    IDLE = auto()
    """No request under way; whatever arrives is unasked for."""
    HEAD = auto()
    BODY = auto()
    COMPLETE = auto()
    """The answer was parsed to its end, within the read that is being handled."""
    CLOSED = auto()


_IDLE, _HEAD, _BODY, _COMPLETE, _CLOSED = _Phase
"""Looked up once: on Python 3.11 an enum's members cost 1.5 µs of the 22 of a request when read from their class."""


class Connection(asyncio.BufferedProtocol):
    """A connection and the exchange on it. `on_idle` and `on_lost` tell the pool; each is called from the loop.

    `reads_into` may be shared by all connections of one event loop: what is read is parsed before the next read.
    """

    __slots__ = (
        "_body",
        "_head",
        "_headers",
        "_interim",
        "_keep",
        "_max_head_bytes",
        "_on_idle",
        "_on_lost",
        "_parser",
        "_phase",
        "_reads_into",
        "_transport",
        "_unasked",
        "fit_until_s",
        "loop",
        "received_bytes",
        "retire_at_s",
    )

    def __init__(
        self,
        on_idle: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
        max_head_bytes: int,
        retire_at_s: float,
        reads_into: memoryview,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.retire_at_s = retire_at_s
        self.fit_until_s = retire_at_s
        self.received_bytes = 0
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._max_head_bytes = max_head_bytes
        self._reads_into = reads_into
        self._parser = httptools.HttpResponseParser(self)
        self._phase = _IDLE
        self._head: asyncio.Future[Head] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: ResponseBody | None = None
        self._interim = False
        self._keep = False
        self._unasked = False

    # ── what the transport asks ──────────────────────────────────────────────────────────────────────────────────

    @property
    def is_closed(self) -> bool:
        """Tell whether the connection is gone or going."""
        return self._phase is _CLOSED or self._transport.is_closing()

    async def exchange(self, payload: bytes) -> Head:
        """Send a whole request and return the answer once its head is there.

        Raises ReadError or RemoteProtocolError. Cancelling closes the connection.
        """
        self.received_bytes = 0
        if self._phase is _CLOSED:
            raise _lost(None, "before it was asked")
        self._phase = _HEAD
        head: asyncio.Future[Head] = self.loop.create_future()
        self._head = head
        self._transport.write(payload)
        answered = False
        try:
            answer = await head
            answered = True
            return answer
        finally:
            # Once the answer is complete the connection may already serve another exchange.
            if not answered and self._head is head:
                self.abort()

    def abort(self) -> None:
        """Close at once, dropping what was not sent yet."""
        self._transport.abort()

    def pause(self) -> None:
        """Stop reading, so that TCP holds the model server back."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.is_closed:
            self._transport.resume_reading()

    # ── what the event loop tells ────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. Both loops in use set TCP_NODELAY on it."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to read to."""
        return self._reads_into

    def buffer_updated(self, nbytes: int) -> None:
        """Parse; then hand the connection back if the answer is complete and nothing came after it."""
        if self._phase is _IDLE or self._phase is _CLOSED:
            self.abort()
            return
        self.received_bytes += nbytes
        try:
            self._parser.feed_data(self._reads_into[:nbytes])
        except _BROKEN_SYNTAX as error:
            self._unasked = True
            self._fail(httpx.RemoteProtocolError(f"the model server's answer is not HTTP/1.1: {error}"))
        if self._phase is _COMPLETE:
            self._finish()
        elif self._phase is _HEAD and self.received_bytes > self._max_head_bytes:
            self._fail(self._head_too_large())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and the pool."""
        phase, self._phase = self._phase, _CLOSED
        if phase is _HEAD:
            self._fail_head(_lost(exc, "before it answered"))
        elif phase is _BODY and self._body is not None:
            complete = exc is None and self._ends_with_connection()
            self._body.end(None if complete else _lost(exc, "in the middle of its answer"))
        self._on_lost(self)

    # ── what the parser tells ────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Start collecting a head; a second answer to one request is one that nobody asked for."""
        if self._phase is _HEAD:
            self._headers = []
        else:
            self._unasked = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers and heads nobody asked for go the same way, into a list that nobody reads."""
        if self._phase is _HEAD:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the head to whoever waits. Interim answers (1xx) are skipped."""
        if self._phase is not _HEAD:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            return
        if self.received_bytes > self._max_head_bytes and _size_bytes(self._headers) > self._max_head_bytes:
            self._fail(self._head_too_large())
            return
        self._phase = _BODY
        self._body = ResponseBody(self)
        if self._head is not None and not self._head.done():
            self._head.set_result((status, self._headers, self._body))

    def on_body(self, data: bytes) -> None:
        """Pass on a part of the body."""
        if self._phase is _BODY and self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        """End the body, unless what ended was an interim answer."""
        if self._interim:
            self._interim = False
        elif self._phase is _BODY and self._body is not None:
            self._phase = _COMPLETE
            self._keep = self._parser.should_keep_alive()
            self._body.end()

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self) -> None:
        reusable = self._keep and not self._unasked and not self._transport.get_write_buffer_size()
        self._phase = _IDLE
        self._body = None
        self._head = None
        if reusable:
            self._on_idle(self)
        else:
            self.abort()

    def _fail(self, error: httpx.TransportError) -> None:
        if self._phase is _COMPLETE:
            return
        if self._phase is _BODY and self._body is not None:
            self._body.end(error)
        else:
            self._fail_head(error)
        self._phase = _CLOSED
        self.abort()

    def _fail_head(self, error: httpx.TransportError) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)

    def _ends_with_connection(self) -> bool:
        framed = (b"content-length", b"transfer-encoding")
        return all(name.lower() not in framed for name, _ in self._headers)

    def _head_too_large(self) -> httpx.RemoteProtocolError:
        return httpx.RemoteProtocolError(
            f"the head of the model server's answer is larger than {self._max_head_bytes} bytes"
        )


def _size_bytes(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _lost(exc: Exception | None, when: str) -> httpx.TransportError:
    if exc is None:
        return httpx.RemoteProtocolError(f"the model server closed the connection {when}")
    return httpx.ReadError(f"the connection to the model server broke {when}: {exc}")
