"""One connection to Redis: commands out, replies in, in the same order.

redis-py reads the URL (`redis_target`), hiredis packs and parses. The socket is ours for the sake of cost: CPU per GET
of 2 kB at 64 in flight was 3.2 µs here, with deadlines and breaker; 7.8 µs through redis-py's connection with its
commands folded into one write; 27 µs through its client (redis-py 8.1, hiredis 3.5, uvloop 0.23, unix socket).
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol, TypeAlias, cast

import hiredis

Argument: TypeAlias = bytes | str | int
Reply: TypeAlias = "bytes | int | list[Reply] | None"

REPLY_BYTES_MAX = 8 * 1024 * 1024
"""Eight times the largest value we ever write: whoever sends more is not the server we wrote to."""

_UNUSABLE_CODES = frozenset({"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "NOREPLICAS"})
"""Replies which say that this server cannot serve us at present, whatever the command."""


def pack(command: tuple[Argument, ...]) -> bytes:
    """Write a command in the Redis protocol."""
    return cast(bytes, hiredis.pack_command(cast(tuple[Argument], command)))


class RedisUnavailable(Exception):
    """No usable answer: not connected, too late, or known to be down and not asked."""


class RedisRefused(RedisUnavailable):
    """The server answered with an error; `code` is its first word, such as NOSCRIPT."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message.partition(" ")[0]


class Call:
    """A command on its way: its bytes, who waits, how long from the end of its turn, and until when (monotonic)."""

    __slots__ = ("_is_under_way", "due_s", "future", "packed", "timeout_s")

    def __init__(self, packed: bytes, future: "asyncio.Future[Reply]", timeout_s: float, now_s: float) -> None:
        self.packed = packed
        self.future = future
        self.timeout_s = timeout_s
        self.due_s = now_s + timeout_s
        self._is_under_way = False

    def begin(self, now_s: float) -> None:
        """Let its time begin, once: what this process took to get here is not the server's, and a connection is."""
        if not self._is_under_way:
            self._is_under_way = True
            self.due_s = now_s + self.timeout_s

    def fail(self, error: RedisUnavailable) -> bool:
        """Tell the waiting side, if it still waits."""
        if self.future.done():
            return False
        self.future.set_exception(error)
        return True


class LinkOwner(Protocol):
    """Who is told what becomes of a link."""

    def on_answers(self, link: "Link") -> None:
        """At least one reply came in time."""

    def on_unusable(self, link: "Link", reason: str) -> None:
        """The server cannot serve us; the link should be given up."""

    def on_lost(self, link: "Link", reason: str) -> None:
        """The link is gone; what waited on it is still in `waiting`."""


class Link(asyncio.Protocol):
    """Pair replies with calls, first in, first out."""

    def __init__(self, owner: LinkOwner) -> None:
        self._owner = owner
        self._reader = hiredis.Reader(notEnoughData=...)
        self._unparsed_bytes = 0
        self._transport: asyncio.Transport | None = None
        self.waiting: deque[Call] = deque()
        self.is_alive = True
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not say that they are one

    def send(self, calls: Iterable[Call]) -> None:
        """Write all calls at once."""
        assert self._transport is not None
        first = len(self.waiting)
        self.waiting.extend(calls)
        packed = [self.waiting[i].packed for i in range(first, len(self.waiting))]
        self._transport.write(b"".join(packed))

    def data_received(self, data: bytes) -> None:
        """Hand every complete reply to the call it answers."""
        self._unparsed_bytes += len(data)
        if self._unparsed_bytes > REPLY_BYTES_MAX:
            self._owner.on_unusable(self, f"a reply of more than {REPLY_BYTES_MAX} bytes")
            return
        self._reader.feed(data)
        try:
            self._deliver_all()
        except hiredis.ProtocolError as error:
            self._owner.on_unusable(self, f"not the Redis protocol: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, and whoever waits for the end."""
        self.is_alive = False
        if not self.closed.done():
            self.closed.set_result(None)
        self._owner.on_lost(self, f"connection lost: {exc}" if exc else "connection closed by the server")

    def abort(self) -> None:
        """Close at once; replies on their way are lost."""
        assert self._transport is not None
        self.is_alive = False
        self._transport.abort()

    def _deliver_all(self) -> None:
        in_time = False
        while (reply := self._reader.gets()) is not ...:
            self._unparsed_bytes = 0
            if not self.waiting:
                self._owner.on_unusable(self, "a reply that nobody asked for")
                return
            future = self.waiting.popleft().future
            if isinstance(reply, hiredis.ReplyError):
                refusal = RedisRefused(str(reply))
                if not future.done():
                    future.set_exception(refusal)
                if refusal.code in _UNUSABLE_CODES:
                    self._owner.on_unusable(self, str(reply))
                    return
                in_time = True
            elif not future.done():
                future.set_result(reply)
                in_time = True
        if in_time:
            self._owner.on_answers(self)
