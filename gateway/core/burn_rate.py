"""How fast the allowance of misses is used up: 1 is just what the objective allows, 20 is every request.

Two windows, as multi-window alarms have them: five minutes show that it burns now, an hour that it matters.
"""

from collections import deque
from typing import Final

from gateway.core.slo_shift import ALLOWED_MISSES

SHORT_S: Final = 300.0
LONG_S: Final = 3_600.0
_SLOT_S: Final = 10.0

_Slot = list[float]
"""When it began, how many there were, how many of them missed."""


class BurnRate:
    """Counts in slots of ten seconds, 360 at most; the sums of both windows are kept up to date."""

    __slots__ = ("_long", "_short", "missed", "total")

    def __init__(self) -> None:
        self.total = 0
        self.missed = 0
        self._short = _Sliding(SHORT_S)
        self._long = _Sliding(LONG_S)

    def add(self, now_s: float, *, missed: bool) -> None:
        """Count a stream that kept to the objective or missed it."""
        self.total += 1
        self.missed += missed
        self._short.add(now_s, missed=missed)
        self._long.add(now_s, missed=missed)

    def rates(self, now_s: float) -> tuple[float, float]:
        """Return the rates of the short and the long window; 0 where nothing was counted."""
        return self._short.rate(now_s), self._long.rate(now_s)


class _Sliding:
    __slots__ = ("_missed", "_slots", "_total", "_window_s")

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._slots: deque[_Slot] = deque()
        self._total = 0.0
        self._missed = 0.0

    def add(self, now_s: float, *, missed: bool) -> None:
        if not self._slots or now_s >= self._slots[-1][0] + _SLOT_S:
            self._expire(now_s)
            self._slots.append([now_s, 0.0, 0.0])
        slot = self._slots[-1]
        slot[1] += 1.0
        slot[2] += missed
        self._total += 1.0
        self._missed += missed

    def rate(self, now_s: float) -> float:
        self._expire(now_s)
        return self._missed / self._total / ALLOWED_MISSES if self._total else 0.0

    def _expire(self, now_s: float) -> None:
        while self._slots and self._slots[0][0] <= now_s - self._window_s:
            _, total, missed = self._slots.popleft()
            self._total -= total
            self._missed -= missed
