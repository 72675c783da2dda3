"""The way back to a client that speaks another dialect than OpenAI's chat: what the stages send is told in its own.

The stages behind it know nothing of that: an answer, a stream and an error are a chat's to them.
"""

from asyncio import Event
from collections.abc import Callable
from typing import Final

from gateway.ports import ClientGone, Headers, Responder
from gateway.wire.dialects import Dialect, Writer
from gateway.wire.headers import EVENT_STREAM, REQUEST_ID_HEADER, header

_ERROR_FROM: Final = 400
_LENGTH: Final = b"content-length"


class DialectResponder:
    """A `ports.Responder` around another."""

    __slots__ = ("_dialect", "_head", "_responder", "_writer", "asked")

    def __init__(self, responder: Responder, dialect: Dialect) -> None:
        self._responder = responder
        self._dialect = dialect
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        """Held back until its body is there: how long that is tells only its translation."""
        self._writer: Writer | None = None
        """Of a stream."""
        self.asked = b""
        """The client's own request, once it was read."""

    @property
    def gone(self) -> Event:
        """Set once the client has left."""
        return self._responder.gone

    @property
    def is_full(self) -> bool:
        """Tell whether what is sent next would wait."""
        return self._responder.is_full

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving."""
        self._responder.watch(on_gone)

    async def send_head(self, status: int, headers: Headers) -> None:
        """Send a stream's status and headers, or hold those of a whole answer back; once. Raises ClientGone."""
        told = [(name, value) for name, value in headers if name != _LENGTH]
        is_of_any_length = len(told) == len(headers)
        request_id, id_header = header(headers, REQUEST_ID_HEADER), self._dialect.id_header
        if request_id is not None and id_header is not None:
            told.append((id_header, request_id))
        if (header(headers, b"content-type") or b"").startswith(EVENT_STREAM):
            self._writer = self._dialect.writer(self.asked)
        if self._writer is not None and is_of_any_length:
            await self._responder.send_head(status, told)
        elif self._responder.gone.is_set():
            raise ClientGone
        else:
            self._head = status, told

    async def send_chunk(self, data: bytes) -> None:
        """Send what a part of a stream completes. Raises ClientGone."""
        assert self._writer is not None, "only streams come in parts"
        told = self._writer.feed(data)
        if told:
            await self._responder.send_chunk(told)

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part, behind the head where that was held back. Raises ClientGone."""
        told = data if self._writer is None else self._writer.feed(data)
        if self._head is not None:
            status, headers = self._head
            if self._writer is None:
                told = self._whole(status, headers, data)
            await self._responder.send_head(status, [*headers, (_LENGTH, b"%d" % len(told))])
        await self._responder.finish(told)

    async def aclose(self) -> None:
        """Stop watching."""
        await self._responder.aclose()

    def _whole(self, status: int, headers: Headers, body: bytes) -> bytes:
        if status < _ERROR_FROM:
            return self._dialect.answer(body, self.asked)
        request_id = header(headers, REQUEST_ID_HEADER)
        return self._dialect.error(body, status, None if request_id is None else request_id.decode())
