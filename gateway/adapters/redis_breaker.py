"""When to stop asking a Redis that does not answer, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Opens after `failures` in a row, for `open_s` at first and up to `open_s_max` while trials keep failing."""

    failures: int = 3
    open_s: float = 1.0
    open_s_max: float = 30.0


class RedisBreaker:
    """Count failures in a row. `chance` gives numbers in [0, 1): workers must not all come back at once."""

    def __init__(self, settings: BreakerSettings, chance: Callable[[], float]) -> None:
        self._settings = settings
        self._chance = chance
        self._failures = 0
        self._trials = 0
        self.is_open = False

    def succeed(self) -> None:
        """Note an answer that came in time."""
        self._failures = 0
        self._trials = 0
        self.is_open = False

    def fail(self) -> float | None:
        """Note a failure; return for how many seconds to stay away when that opens the breaker, or keeps it open."""
        self._failures += 1
        if not self.is_open and self._failures < self._settings.failures:
            return None
        self.is_open = True
        ceiling_s = min(self._settings.open_s_max, self._settings.open_s * 2.0**self._trials)
        self._trials = min(self._trials + 1, 30)  # 2**30 is far beyond any ceiling, and stays a number
        floor_s = min(self._settings.open_s, ceiling_s)
        return floor_s + (ceiling_s - floor_s) * self._chance()
