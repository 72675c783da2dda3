"""A clock that stands still until a test moves it."""


class ManualClock:
    """`ports.Clock` by hand. Starts at 1000 s, so that a forgotten zero shows."""

    def __init__(self, now_s: float = 1_000.0, wall_s: float = 1_700_000_000.0) -> None:
        self._now_s = now_s
        self._wall_s = wall_s

    def now_s(self) -> float:
        """Monotonic seconds."""
        return self._now_s

    def wall_s(self) -> float:
        """Seconds since the epoch."""
        return self._wall_s

    def jump(self, seconds: float) -> None:
        """Set the clock on the wall, as an administrator does; no time passes."""
        self._wall_s += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds
        self._wall_s += seconds
