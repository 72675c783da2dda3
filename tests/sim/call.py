"""One call to a simulated model server: the bytes with their times, how much was taken, and when it was over."""

import asyncio
from bisect import bisect_right
from itertools import accumulate

import httpx

from tests.sim.answers import Event, Usage
from tests.sim.loop import INSTANT_DIGITS
from tests.sim.pace import FOREVER_S, Pace
from tests.sim.script import End, Question, Script

_TOKENS_MAX = 2**31


class Call:
    """A call as the server saw it. Times are the loop's."""

    def __init__(self, host: str, question: Question, began_s: float) -> None:
        self.host = host
        self.question = question
        self.began_s = began_s
        self.ended_s: float | None = None
        """When the connection was closed, by whichever side."""
        self.taken_bytes = 0
        self.script: Script | None = None
        self.written_s = FOREVER_S
        """When the server has written everything."""
        self.has_slot = False
        self._data = b""
        self._ends: list[int] = []
        self._times_s: list[float] = []
        self._is_broken = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the connection still stands."""
        return self.ended_s is None

    @property
    def is_written(self) -> bool:
        """Tell whether everything was taken that the script has."""
        return self.script is not None and self.taken_bytes == len(self._data)

    def begin(self, script: Script, pace: Pace, from_s: float) -> None:
        """Settle when each piece is there."""
        self.script = script
        self._data = b"".join([piece.event.data for piece in script.pieces])
        self._ends = list(accumulate([len(piece.event.data) for piece in script.pieces]))
        at_s = from_s
        for piece in script.pieces:
            at_s = pace.done_at_s(at_s, piece.work_s) if piece.work_s else at_s
            # As timers are: one that is due a fraction of a microsecond early would be set again and again.
            self._times_s.append(round(at_s, INSTANT_DIGITS))
        self.written_s = FOREVER_S if script.end is End.STALL else at_s

    def content_taken(self) -> int:
        """Count the tokens that were taken whole."""
        return sum([event.is_content for event in self._taken()])

    def usage_taken(self) -> Usage | None:
        """Return the largest sound usage that was taken, field by field."""
        told = [event.usage for event in self._taken() if event.usage is not None]
        sound = [one for one in told if one.output_tokens < _TOKENS_MAX and (one.input_tokens or one.output_tokens)]
        if not sound:
            return None
        return Usage(max(one.input_tokens for one in sound), max(one.output_tokens for one in sound))

    def crash(self) -> None:
        """Break the connection: what is there and was not taken is lost."""
        self._is_broken = True
        self.wake()

    def wake(self) -> None:
        """Let it look again at what it waits for."""
        if self._waiter is not None:
            _wake(self._waiter)

    def end(self) -> None:
        """Close the connection; the first end counts."""
        if self.ended_s is None:
            self.ended_s = asyncio.get_running_loop().time()

    async def wait_until(self, at_s: float) -> None:
        """Wait, or until woken. Raises httpx.ReadError as soon as the server crashes."""
        loop = asyncio.get_running_loop()
        if at_s > loop.time() and not self._is_broken:
            self._waiter = loop.create_future()
            timer = loop.call_at(at_s, _wake, self._waiter) if at_s < FOREVER_S else None
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        if self._is_broken:
            raise httpx.ReadError("simulated: connection reset by peer")

    async def take(self, at_most_bytes: int) -> bytes:
        """Return what is there, and wait where nothing is; nothing at the end of the body."""
        assert self.script is not None
        while True:
            known = bisect_right(self._times_s, asyncio.get_running_loop().time() + 1e-9)
            there = self._ends[known - 1] if known else 0
            if there > self.taken_bytes and not self._is_broken:
                break
            if known == len(self._ends):
                return await self._end_of_body(self.script.end)
            await self.wait_until(self._times_s[known])
        until = min(there, self.taken_bytes + at_most_bytes) if at_most_bytes else there
        data, self.taken_bytes = self._data[self.taken_bytes : until], until
        return data

    async def _end_of_body(self, end: End) -> bytes:
        if end is End.STALL or self._is_broken:
            await self.wait_until(FOREVER_S)
        self.end()
        if end is End.RESET:
            raise httpx.ReadError("simulated: connection reset by peer")
        if end is End.CLOSED:
            raise httpx.RemoteProtocolError("simulated: peer closed connection without sending complete message body")
        return b""

    def _taken(self) -> list[Event]:
        assert self.script is not None
        count = bisect_right(self._ends, self.taken_bytes)
        return [piece.event for piece in self.script.pieces[:count]]


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
