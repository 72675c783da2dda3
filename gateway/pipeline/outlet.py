"""The way back to a client whose answer others follow: it is read on for them, however slowly that client reads.

Parts that its buffer has no room for wait here, and go out with the next part for which there is room, or with the end.
"""

from asyncio import Event
from collections.abc import Callable
from typing import Final

from gateway.ports import ClientGone, Headers, Responder

UNSENT_BYTES_MAX: Final = 1024 * 1024
"""Behind by more than that, a client is waited for after all."""


class Outlet:
    """A `ports.Responder` around another."""

    __slots__ = ("_responder", "_unsent", "_unsent_bytes")

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0

    @property
    def gone(self) -> Event:
        """Set once the client has left."""
        return self._responder.gone

    @property
    def is_full(self) -> bool:
        """Tell whether what is sent next would wait."""
        return self._responder.is_full and self._unsent_bytes > UNSENT_BYTES_MAX

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving."""
        self._responder.watch(on_gone)

    async def send_head(self, status: int, headers: Headers) -> None:
        """Send the status and headers; once. Raises ClientGone."""
        await self._responder.send_head(status, headers)

    async def send_chunk(self, data: bytes) -> None:
        """Send a part of the body, or put it by. Raises ClientGone."""
        if self._responder.gone.is_set():
            raise ClientGone
        if not self._responder.is_full or self._unsent_bytes > UNSENT_BYTES_MAX:
            await self._responder.send_chunk(self._with_unsent(data))
            return
        self._unsent.append(data)
        self._unsent_bytes += len(data)

    async def finish(self, data: bytes = b"") -> None:
        """Send what was put by and the last part of the body, however long that takes. Raises ClientGone."""
        if self._responder.gone.is_set():
            raise ClientGone
        await self._responder.finish(self._with_unsent(data))

    async def aclose(self) -> None:
        """Stop watching."""
        await self._responder.aclose()

    def _with_unsent(self, data: bytes) -> bytes:
        if not self._unsent:
            return data
        self._unsent.append(data)
        whole = b"".join(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        return whole
