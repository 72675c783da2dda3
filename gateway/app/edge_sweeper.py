"""Time limits of connections, kept by one timer for all of them."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.limits import EdgeLimits

KEEP_ALIVE_S = 75.0
"""Longer than the 60 s after which load balancers drop an idle connection, so that they close first."""

SLOW_CLIENT_S = 60.0
"""A client that takes nothing for so long is cut off: it holds a model server's slot."""

WRITE_HIGH_BYTES = 32 * 1024
"""Of an answer that its client does not read, as much waits here until its sender is made to wait, and a piece more."""

SWEEP_S = 0.5
"""Limits are kept to within this much."""


@dataclass(frozen=True, slots=True)
class EdgeTerms:
    """What a connection may do. `limits_of` returns the limits in force; `is_leaving` tells that the process goes away,
    so that each answer is its connection's last."""

    limits_of: Callable[[], EdgeLimits]
    keep_alive_s: float
    slow_client_s: float
    is_leaving: Callable[[], bool]


class Sweepable(Protocol):
    """A connection with time limits."""

    loop: AbstractEventLoop

    def sweep(self, now_s: float) -> None:
        """Act on whatever has run out by `now_s`, in loop time."""


class Sweeper:
    """Look after every connection of one server."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._connections: set[Sweepable] = set()
        self._timer: TimerHandle | None = None

    def add(self, connection: Sweepable) -> None:
        """Begin to look after a connection."""
        self._connections.add(connection)
        if self._timer is None:
            self._timer = connection.loop.call_later(self._every_s, self._sweep, connection.loop)

    def discard(self, connection: Sweepable) -> None:
        """Forget a connection. Without any the timer rests."""
        self._connections.discard(connection)
        if not self._connections and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self, loop: AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._every_s, self._sweep, loop)
        now_s = loop.time()
        for connection in list(self._connections):
            connection.sweep(now_s)
