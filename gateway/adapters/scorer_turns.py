"""Scoring a share of a turn of the event loop at a time, so that a flood of requests does not hold everything up.

The loop runs all that is ready before it looks at sockets and timers again: five thousand requests that come together
would be scored, and sent on, in one turn of half a second. Here those beyond `BUSY_S` of a turn wait for the next ones,
in their order. A request that comes alone pays 1 µs.
"""

import asyncio
from collections import deque
from typing import Final

from gateway.ports import Clock

BUSY_S: Final = 0.002
"""Scoring begins no more requests in a turn after so long: what the last ones do then stays well below 20 ms."""
WOKEN: Final = 8
"""Requests that a turn takes up at first of those that wait: at 0.25 ms each, scoring and what follows, `BUSY_S`."""
_MOST_WOKEN: Final = 64


class Turns:
    """Tells each request whether it may be scored in this turn.

    How many of those that wait a turn takes up follows from what they took in the last one: a text that goes on to the
    encoder takes five times as long as one that is refused there.
    """

    def __init__(self, clock: Clock) -> None:
        self._now_s = clock.now_s
        self._began_s: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._most = WOKEN
        self._woken = 0

    def enter(self) -> asyncio.Future[None] | None:
        """Return None to who may go on, and something to await to who may not."""
        if self._began_s is None:
            self._began_s = self._now_s()
            asyncio.get_running_loop().call_soon(self._next)
            return None
        if not self._waiting and self._now_s() - self._began_s < BUSY_S:
            return None
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return turn

    def _begin(self) -> None:
        """Those who were woken run next, and then `_next`: between the two nothing else does."""
        self._began_s = self._now_s()

    def _next(self) -> None:
        """Begin another turn. What is woken here runs in it."""
        if self._woken == self._most:
            self._adapt()
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._began_s, self._woken = None, 0
            return
        loop.call_soon(self._begin)
        woken = 0
        while self._waiting and woken < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                woken += 1
        self._woken = woken
        loop.call_soon(self._next)

    def _adapt(self) -> None:
        """Take up half as many where those of the last turn took too long, one more where there was time left."""
        assert self._began_s is not None, "a turn that woke somebody was begun"
        took_s = self._now_s() - self._began_s
        if took_s > BUSY_S:
            self._most = max(1, self._most // 2)
        elif took_s * (self._most + 1) < BUSY_S * self._most:
            self._most = min(self._most + 1, _MOST_WOKEN)
