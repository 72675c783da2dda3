"""Connections on virtual time: what is sent arrives in order, each piece at its time."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_INSTANT_S: Final = 1e-8
"""What is due at one instant comes at one, in its order."""


class Lane(Generic[T]):
    """One way. A piece never overtakes another, and is told when it was due: a process may have stood still."""

    def __init__(self, deliver: Callable[[T, float], None]) -> None:
        self._deliver = deliver
        self._pieces: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, piece: T, at_s: float) -> None:
        """Let a piece arrive then, or right behind the one before it."""
        self._pieces.append((at_s, piece))
        self._wait()

    def put_first(self, piece: T, at_s: float) -> None:
        """Let a piece that has arrived arrive once more, before all others."""
        self._pieces.appendleft((at_s, piece))
        self._wait()

    def stop(self) -> None:
        """Lose what has not arrived."""
        self._pieces.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._timer is None and self._pieces:
            self._timer = asyncio.get_running_loop().call_at(self._pieces[0][0], self._on_time)

    def _on_time(self) -> None:
        now_s = asyncio.get_running_loop().time() + _INSTANT_S
        while self._pieces and self._pieces[0][0] <= now_s:
            at_s, piece = self._pieces.popleft()
            self._deliver(piece, at_s)
        self._timer = None
        self._wait()


class SimConnection(asyncio.Transport):
    """A connection as its client has it. `arrived` is told of what reaches the server, `over` of its end."""

    def __init__(
        self,
        number: int,
        protocol: asyncio.Protocol,
        way_s: float,
        arrived: "Callable[[SimConnection, bytes, float], None]",
        over: "Callable[[SimConnection], None]",
    ) -> None:
        super().__init__()
        self.number = number
        self.is_swallowed = False
        """Whether nothing comes through any more, either way."""
        self.is_reset = False
        """Whether the server has broken it off."""
        self.last_answer = b""
        self._way_s = way_s
        self._protocol = protocol
        self._over = over
        self._is_closing = False
        self._there: Lane[bytes] = Lane(lambda data, at_s: arrived(self, data, at_s))
        self._back: Lane[bytes | None] = Lane(self._deliver)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the server."""
        if not self._is_closing:
            self._there.put(bytes(data), asyncio.get_running_loop().time() + self._way_s)

    def put_off(self, data: bytes, until_s: float) -> None:
        """Let what has arrived arrive again, and what comes behind it no sooner."""
        self._there.put_first(data, until_s)

    def answer(self, data: bytes, at_s: float) -> None:
        """Send to the client."""
        self._send_back(data, at_s)

    def reset(self, at_s: float) -> None:
        """Break the connection off, behind what is under way to the client; nothing more is read of what it sent."""
        if not self.is_reset:
            self.is_reset = True
            self._send_back(None, at_s)

    def abort(self) -> None:
        """Close it as the client does: what it has sent still arrives, what is under way to it is lost."""
        if not self._is_closing:
            self._is_closing = True
            self._back.stop()
            asyncio.get_running_loop().call_soon(self._lost, None)

    def close(self) -> None:
        """The same: nothing is ever left to be written."""
        self.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return self._is_closing

    def _send_back(self, data: bytes | None, at_s: float) -> None:
        if not self._is_closing and not self.is_swallowed:
            self._back.put(data, at_s + self._way_s)

    def _deliver(self, data: bytes | None, _at_s: float) -> None:
        if data is not None:
            self._protocol.data_received(data)
            return
        self._is_closing = True
        self._lost(ConnectionResetError("simulated: connection reset by peer"))

    def _lost(self, error: Exception | None) -> None:
        self._over(self)
        self._protocol.connection_lost(error)
