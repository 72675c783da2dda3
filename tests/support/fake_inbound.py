"""The inbound seam without a server: one client, seen from the gateway's side and steered from the test's.

    FakeClient(body, ...)          steer: say, end_body, leave, stop_reading, read_on
    ├─ .inbound   FakeInbound      what a stage reads
    └─ .responder FakeResponder    what a stage sends; status, headers, chunks, finished are recorded

Most tests need one line: `FakeClient(b'{"model": …}')`, or `FakeInbound(body)` and `FakeResponder()` by themselves.
"""

import asyncio
from asyncio import Event
from collections.abc import Callable, Sequence

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.ports import ClientGone, Headers


class FakeInbound:
    """A request. The body is whole unless `ends` is False: then more may follow by `FakeClient.say`."""

    def __init__(
        self,
        body: bytes = b"",
        *,
        headers: Headers = (),
        method: str = "POST",
        path: str = "/v1/chat/completions",
        ends: bool = True,
    ) -> None:
        self.method = method
        self.path = path
        self.headers: Headers = tuple(headers)
        self.bytes_read = 0
        self.reads = 0
        self._parts: list[bytes] = [body] if body else []
        self._ended = ends
        self._left = False
        self._news = Event()

    async def read_body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """Read the whole body, with the errors that the port names."""
        self.reads += 1
        announced = dict(self.headers).get(b"content-length")
        if announced is not None and int(announced) > limit_bytes:
            raise GatewayError(ErrorCode.BODY_TOO_LARGE, f"larger than {limit_bytes} bytes")
        body = b""
        try:
            async with asyncio.timeout(timeout_s):
                while not (self._ended and not self._parts):
                    body += await self._next_part()
                    if len(body) > limit_bytes:
                        raise GatewayError(ErrorCode.BODY_TOO_LARGE, f"larger than {limit_bytes} bytes")
        except TimeoutError:
            raise GatewayError(ErrorCode.REQUEST_TIMEOUT, f"not here within {timeout_s:g} s") from None
        return body

    def say(self, part: bytes) -> None:
        """Let a further part of the body arrive."""
        self._parts.append(part)
        self._news.set()

    def end_body(self) -> None:
        """Let the body be complete."""
        self._ended = True
        self._news.set()

    def leave(self) -> None:
        """Let the client leave."""
        self._left = True
        self._news.set()

    async def _next_part(self) -> bytes:
        while not self._parts:
            if self._left:
                raise ClientGone
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        part = self._parts.pop(0)
        self.bytes_read += len(part)
        return part


class FakeResponder:
    """Records what it is given, and insists on its order: one head, chunks, one finish.

    `leaves_after_chunks` makes the client leave once it has that many chunks.
    """

    def __init__(self, *, leaves_after_chunks: int | None = None) -> None:
        self.gone = Event()
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.finished = False
        self.closed = False
        self.watching = False
        self._leaves_after_chunks = leaves_after_chunks
        self._left = False
        self._on_gone: Callable[[], None] | None = None
        self._buffer_free = Event()
        self._buffer_free.set()

    @property
    def body(self) -> bytes:
        """All that was sent behind the head."""
        return b"".join(self.chunks)

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving; one who left already is noticed a turn of the loop later."""
        self.watching = True
        self._on_gone = on_gone
        if self._left:
            asyncio.get_running_loop().call_soon(self._note_gone)

    @property
    def is_full(self) -> bool:
        """Tell whether the client does not read."""
        return not self._buffer_free.is_set()

    async def send_head(self, status: int, headers: Headers) -> None:
        """Record the head."""
        assert self.status is None, "the head is sent once"
        await self._deliver()
        self.status = status
        self.headers = dict(headers)

    async def send_chunk(self, data: bytes) -> None:
        """Record a chunk, once the client reads."""
        self._check_open()
        await self._deliver()
        self.chunks.append(data)
        if self._leaves_after_chunks is not None and len(self.chunks) >= self._leaves_after_chunks:
            self.leave()

    async def finish(self, data: bytes = b"") -> None:
        """Record the last part."""
        self._check_open()
        await self._deliver()
        if data:
            self.chunks.append(data)
        self.finished = True

    async def aclose(self) -> None:
        """Stop watching."""
        self.closed = True
        self.watching = False
        self._on_gone = None

    def leave(self) -> None:
        """Let the client leave; a send that waits for it fails."""
        self._left = True
        self._note_gone()
        self._buffer_free.set()

    def break_off(self) -> None:
        """Let the client be gone before anybody notices: the next send fails."""
        self._left = True
        self.gone.set()

    def stop_reading(self) -> None:
        """Let the client's buffer be full: sends wait."""
        self._buffer_free.clear()

    def read_on(self) -> None:
        """Let the client read again."""
        self._buffer_free.set()

    def _note_gone(self) -> None:
        if self.watching and not self.finished and not self.gone.is_set():
            self.gone.set()
            if self._on_gone is not None:
                self._on_gone()

    def _check_open(self) -> None:
        assert self.status is not None, "the head comes first"
        assert not self.finished, "nothing follows the last part"

    async def _deliver(self) -> None:
        if self.gone.is_set():
            raise ClientGone
        await self._buffer_free.wait()
        if self.gone.is_set():
            raise ClientGone


class FakeClient:
    """One client with its request and the way back to it."""

    def __init__(
        self,
        body: bytes = b"",
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        ends: bool = True,
        leaves_after_chunks: int | None = None,
    ) -> None:
        self.inbound = FakeInbound(body, headers=headers, ends=ends)
        self.responder = FakeResponder(leaves_after_chunks=leaves_after_chunks)

    def leave(self) -> None:
        """Close the connection, as a client does that has lost interest."""
        self.inbound.leave()
        self.responder.leave()
