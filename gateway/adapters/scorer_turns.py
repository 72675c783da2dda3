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
"""Requests that a turn takes up of those that wait: at 0.25 ms each, scoring and what follows, `BUSY_S` again."""


class Turns:
    """Tells each request whether it may be scored in this turn."""

    def __init__(self, clock: Clock) -> None:
        self._now_s = clock.now_s
        self._began_s: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

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

    def _next(self) -> None:
        """Begin another turn. What is woken here runs in it."""
        woken = 0
        while self._waiting and woken < WOKEN:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                woken += 1
        self._began_s = self._now_s() if woken else None
        if woken:
            asyncio.get_running_loop().call_soon(self._next)
