"""The raw stream as it comes: remembered for the cache, and read by who follows, from its beginning.

    server ─▶ add ─▶ [ first, …, last ] ─▶ take ─▶ each follower, at its own pace
                              └─▶ join: all of it, for the cache

Beyond a bound a stream is not cached, and what all its followers have read is forgotten; one that is as far behind as
that holds the stream up, as a client does that reads its own too slowly.
"""

import asyncio
from collections.abc import Collection

KEPT_STREAM_BYTES_MAX = 1024 * 1024
"""Of a stream that may be cached, as much is remembered; a longer one is not cached."""
KEPT_WAITING_BYTES_MAX = 64 * 1024
"""And as much while its client is waited for: one that does not read must not make the gateway remember for it."""


class Reader:
    """Who follows: woken when there may be news. `at` counts the parts that it has read; None reads no stream."""

    __slots__ = ("_waiter", "at")

    def __init__(self) -> None:
        self.at: int | None = None
        self._waiter: asyncio.Future[bool] | None = None

    def wake(self) -> None:
        """Let it look again."""
        if self._waiter is not None:
            _settle(self._waiter, is_news=True)

    async def wait(self, within_s: float) -> bool:
        """Wait until woken; False if that does not come in time."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(within_s, _settle, self._waiter, False)
        try:
            return await self._waiter
        finally:
            timer.cancel()
            self._waiter = None


class Kept:
    """What came of a stream so far. `first` is what had come when it was committed to."""

    __slots__ = ("_forgotten", "_parts", "_room", "_size_bytes", "is_whole", "is_written", "readers", "wanted")

    def __init__(self, first: bytes, *, wanted: bool) -> None:
        self.wanted = wanted
        """Whether what comes is to be added."""
        self.is_whole = wanted
        """Whether it is all there from its beginning on."""
        self.is_written = False
        """Whether nothing more will come."""
        self.readers: Collection[Reader] = ()
        self._parts = [first]
        self._size_bytes = len(first)
        self._forgotten = 0
        self._room: asyncio.Event | None = None

    def add(self, chunk: bytes) -> bool:
        """Remember a chunk, or give up on a stream that has grown too long; tell whether readers are too far behind."""
        if not self.wanted:
            return False
        self._parts.append(chunk)
        self._size_bytes += len(chunk)
        for reader in self.readers:
            if reader.at is not None:
                reader.wake()
        return self._size_bytes > KEPT_STREAM_BYTES_MAX and self._shorten()

    def keep_within(self, limit_bytes: int) -> None:
        """Forget what is longer than that, and what follows, unless somebody else waits for it."""
        if self._size_bytes > limit_bytes and not self.readers:
            self._give_up()

    def take(self, reader: Reader) -> bytes:
        """Return what a reader has not read yet; nothing where it has read all that there is."""
        assert reader.at is not None, "it reads the stream"
        unread = self._parts[reader.at - self._forgotten :]
        reader.at += len(unread)
        self.let_go_on()
        return b"".join(unread)

    def let_go_on(self) -> None:
        """Look again whether somebody is too far behind."""
        if self._room is not None:
            self._room.set()

    async def until_read(self) -> None:
        """Wait while a reader is too far behind."""
        self._room = asyncio.Event()
        while self._shorten():
            await self._room.wait()
            self._room.clear()
        self._room = None

    def join(self) -> bytes:
        """Return the stream; nothing if it is not to be kept."""
        return b"".join(self._parts) if self.is_whole else b""

    def _shorten(self) -> bool:
        """Forget what every reader has read; tell whether what is left is still too much."""
        read = min([reader.at for reader in self.readers if reader.at is not None], default=None)
        if read is None:
            self._give_up()
            return False
        if self.is_whole:
            self.is_whole = False
            # Whoever waits for all of it waits in vain.
            self._wake_all()
        past = self._parts[: read - self._forgotten]
        del self._parts[: len(past)]
        self._forgotten += len(past)
        self._size_bytes -= sum(map(len, past))
        return self._size_bytes > KEPT_STREAM_BYTES_MAX

    def _give_up(self) -> None:
        self._parts.clear()
        self.wanted = self.is_whole = False
        self._wake_all()

    def _wake_all(self) -> None:
        for reader in self.readers:
            reader.wake()


def _settle(waiter: "asyncio.Future[bool]", is_news: bool) -> None:
    if not waiter.done():
        waiter.set_result(is_news)
