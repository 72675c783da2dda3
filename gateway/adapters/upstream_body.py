"""The body of a model server's answer, from the socket to whoever reads it."""

import asyncio
from typing import Protocol

import httpx

PAUSE_ABOVE_BYTES = 32 * 1024
"""Unread answer bytes at which reading pauses. A single read (`upstream_connection.READ_BYTES`) is the most beyond."""
PIECE_BYTES_MAX = 16 * 1024
"""As much is handed on at once. What a slow client is still to be sent waits here, and not in copies further on."""


class Throttle(Protocol):
    """What a body asks of the connection that it arrives on."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def abort(self) -> None: ...


class ResponseBody(httpx.AsyncByteStream):
    """The body of one answer as it arrives; what one turn of the loop brought is one chunk, up to `PIECE_BYTES_MAX`.

    Iterating raises ReadError or RemoteProtocolError when the answer breaks off, after everything that had arrived.
    """

    __slots__ = ("_chunks", "_connection", "_ended", "_error", "_paused", "_reader", "unread_bytes")

    def __init__(self, connection: Throttle) -> None:
        self._connection = connection
        self._chunks: list[bytes] = []
        self.unread_bytes = 0
        """Arrived, and not yet handed on."""
        self._paused = False
        self._ended = False
        self._error: httpx.TransportError | None = None
        self._reader: asyncio.Future[None] | None = None

    def __aiter__(self) -> "ResponseBody":
        return self

    async def __anext__(self) -> bytes:
        if not self._chunks:
            if not self._ended:
                await self._more()
            if not self._chunks:
                raise self._error if self._error is not None else StopAsyncIteration
        piece = self._take()
        if self._paused and self.unread_bytes <= PAUSE_ABOVE_BYTES:
            self._paused = False
            self._connection.resume()
        return piece

    def _take(self) -> bytes:
        """Take everything that arrived, or the beginning of it."""
        chunks = self._chunks
        whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self.unread_bytes <= PIECE_BYTES_MAX:
            self._chunks, self.unread_bytes = [], 0
            return whole
        rest = whole[PIECE_BYTES_MAX:]
        self._chunks, self.unread_bytes = [rest], len(rest)
        return whole[:PIECE_BYTES_MAX]

    async def aclose(self) -> None:
        """Finish with the answer. Before its end this closes the connection at once, which tells the model server."""
        self._chunks = []
        if not self._ended:
            self.end(httpx.ReadError("the answer was closed before its end"))
            self._connection.abort()

    async def _more(self) -> None:
        self._reader = self._connection.loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._ended:
            return
        self._chunks.append(data)
        self.unread_bytes += len(data)
        if self.unread_bytes > PAUSE_ABOVE_BYTES and not self._paused:
            self._paused = True
            self._connection.pause()
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def end(self, error: httpx.TransportError | None = None) -> None:
        """Note that nothing more will arrive, and why when that is not as it should be."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
