"""The inbound seam without ASGI: a hot request as the edge protocol parsed it, and the way back as bytes.

ASGI puts a scope, a message and a coroutine for each step between the parser and the pipeline, and looks at every
header of an answer with two patterns. Left out, a request costs a third less of the server's time. What both seams
promise is held by one contract suite.
"""

import asyncio
import logging
from asyncio import AbstractEventLoop, Event, Task, Transport
from collections.abc import Callable
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from gateway.app.asgi import (
    Connection,
    Handler,
    announces_body,
    body_too_large,
    body_too_slow,
    refuse_announced,
)
from gateway.app.events import LogEvent, marked
from gateway.app.refusal import refusal_bytes
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.request import Operation
from gateway.ports import ClientGone, Headers

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED = "The gateway failed. The failure was recorded."

log = logging.getLogger("tiergate")


class Line(Connection, Protocol):
    """The connection that a request came by."""

    loop: AbstractEventLoop
    transport: Transport
    flow: FlowControl
    server_state: ServerState
    headers: list[tuple[bytes, bytes]]
    expect_100_continue: bool

    def linger(self) -> None:
        """Close so that the answer survives what is still arriving."""

    def on_response_complete(self) -> None:
        """Wait for the next request."""


class DirectCycle:
    """One request and its answer: `Inbound` and `Responder` in one object.

    The protocol treats it as it treats uvicorn's own cycle: it adds to `body`, clears `more_body`, and sets
    `disconnected` and `message_event` when the client leaves.

    The head waits for the first part of the body, so that a whole answer is one write.
    """

    __slots__ = (
        "_body_read",
        "_expected_bytes",
        "_head",
        "_is_chunked",
        "_line",
        "_on_gone",
        "_speaks_chunks",
        "_waits_for_continue",
        "body",
        "disconnected",
        "gone",
        "headers",
        "keep_alive",
        "message_event",
        "method",
        "more_body",
        "path",
        "response_complete",
        "response_started",
    )

    def __init__(self, line: Line, path: str, http_version: str, *, keep_alive: bool) -> None:
        self.method = "POST"
        self.path = path
        self.headers: Headers = line.headers
        self.body = bytearray()
        self.more_body = True
        self.message_event = Event()
        self.disconnected = False
        self.gone = Event()
        self.keep_alive = keep_alive
        self.response_started = False
        self.response_complete = False
        self._line = line
        self._waits_for_continue = line.expect_100_continue
        self._body_read = False
        self._on_gone: Callable[[], None] | None = None
        self._head = b""
        self._speaks_chunks = http_version == "1.1"
        self._is_chunked = False
        self._expected_bytes: int | None = None

    def start(self, operation: Operation, handler: Handler) -> None:
        """Let the handler answer, in a task of its own that the server waits for when it stops."""
        task = self._line.loop.create_task(self._run(operation, handler))
        running: set[Task[None]] = self._line.server_state.tasks
        running.add(task)
        task.add_done_callback(self._ended)

    async def read_body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """Read the whole body; see `ports.Inbound`. A timer is armed only when the body is not all here yet."""
        refuse_announced(self.headers, limit_bytes)
        if self.more_body and not self.disconnected:
            return await self._read_on(limit_bytes, timeout_s)
        body = self._take(limit_bytes, limit_bytes)
        self._body_read = True
        return body

    @property
    def is_full(self) -> bool:
        """Tell whether what is sent next would wait."""
        return self._line.flow.write_paused

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving. `on_gone` is never called before this returns."""
        self._on_gone = on_gone
        if self._line.is_lost:
            self._line.loop.call_soon(self._note_gone)
        else:
            self._line.watchers.add(self._note_gone)

    async def send_head(self, status: int, headers: Headers) -> None:
        """Prepare the status and headers; once. They leave with the first part of the body."""
        self._raise_if_gone()
        self.response_started = True
        self._waits_for_continue = False
        lines = [name + b": " + value for name, value in (*self._line.server_state.default_headers, *headers)]
        for name, value in headers:
            if name == b"content-length":
                self._expected_bytes = int(value)
        if self._expected_bytes is None and self._speaks_chunks:
            self._is_chunked = True
            lines.append(b"transfer-encoding: chunked")
        if not self.keep_alive or (not self._body_read and announces_body(self.headers)):
            # The rest of a body that was not wanted would have to be read for nothing before the next request.
            self.keep_alive = False
            lines.append(b"connection: close")
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
            raise ValueError("A header of the answer holds a line break or a NUL.")
        self._head = STATUS_LINE[status] + head + b"\r\n\r\n"

    async def send_chunk(self, data: bytes) -> None:
        """Send a part of the body, once the client's buffer has room. Raises ClientGone."""
        if self._line.flow.write_paused:
            await self._line.flow.drain()
        self._raise_if_gone()
        self._write(data, b"")

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part; from here on the client may leave without being counted as gone."""
        if self._line.flow.write_paused:
            await self._line.flow.drain()
        self._raise_if_gone()
        self._write(data, b"0\r\n\r\n")
        if self._expected_bytes:
            raise ValueError(f"The answer is {self._expected_bytes} bytes shorter than its content-length.")
        self.response_complete = True
        self._line.watchers.discard(self._note_gone)
        if not self.keep_alive:
            self._close()
        self._line.on_response_complete()

    async def aclose(self) -> None:
        """Stop watching."""
        self._on_gone = None
        self._line.watchers.discard(self._note_gone)

    async def _run(self, operation: Operation, handler: Handler) -> None:
        try:
            await handler(operation, self, self)
        except ClientGone:
            # Nobody is left to be told anything.
            return
        finally:
            await self.aclose()
            if not (self.response_complete or self.disconnected):
                self._cut_off()

    def _ended(self, task: Task[None]) -> None:
        self._line.server_state.tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("A handler let a fault through.", exc_info=fault, extra=marked(LogEvent.FAULT))

    async def _read_on(self, limit_bytes: int, timeout_s: float) -> bytes:
        if self._waits_for_continue and not self._line.transport.is_closing():
            self._line.transport.write(_CONTINUE)
        self._waits_for_continue = False
        parts: list[bytes] = []
        left_bytes = limit_bytes
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    is_last = not self.more_body
                    part = self._take(left_bytes, limit_bytes)
                    left_bytes -= len(part)
                    parts.append(part)
                    if is_last:
                        break
                    self.message_event.clear()
                    self._line.flow.resume_reading()
                    await self.message_event.wait()
        except TimeoutError:
            raise body_too_slow(timeout_s) from None
        self._body_read = True
        return b"".join(parts)

    def _take(self, left_bytes: int, limit_bytes: int) -> bytes:
        """Take what has arrived."""
        if self.disconnected:
            raise ClientGone
        part = bytes(self.body)
        self.body = bytearray()
        if len(part) > left_bytes:
            raise body_too_large(limit_bytes)
        return part

    def _write(self, data: bytes, end: bytes) -> None:
        if self._is_chunked:
            data = b"%x\r\n%b\r\n%b" % (len(data), data, end) if data else end
        elif self._expected_bytes is not None:
            self._expected_bytes -= len(data)
            if self._expected_bytes < 0:
                raise ValueError(f"The answer is {-self._expected_bytes} bytes longer than its content-length.")
        head, self._head = self._head, b""
        if head or data:
            self._line.transport.write(head + data)

    def _cut_off(self) -> None:
        """Close behind a handler that ended before its answer did; a client that has seen none of it is told so."""
        if self.response_started:
            self._line.transport.write(self._head)
        else:
            self._line.transport.write(refusal_bytes(GatewayError(ErrorCode.INTERNAL_ERROR, _FAILED)))
        self._close()

    def _close(self) -> None:
        if self.more_body:
            self._line.linger()
        else:
            self._line.transport.close()

    def _raise_if_gone(self) -> None:
        if self.disconnected or self.gone.is_set():
            raise ClientGone

    def _note_gone(self) -> None:
        if not (self.response_complete or self.gone.is_set()):
            self.gone.set()
            if self._on_gone is not None:
                self._on_gone()
