"""How many requests an endpoint may have at once, learnt from how fast its answers begin.

The gradient of Netflix' concurrency-limits: while answers begin within `TOLERANCE` of their usual time the limit grows,
beyond it shrinks in proportion, smoothed. Only the time to the first content is looked at: the time to the last tells
how long an answer was, not how busy its server is.

There is no limit but the policy's until answers have been late once. A server that has never been slow under what it
was given is not to refuse a burst for want of a history: then the limit starts at what was under way.
"""

from math import sqrt
from typing import Final

LIMIT_MIN: Final = 4
TOLERANCE: Final = 1.5
SMOOTHING: Final = 0.2
GRADIENT_MIN: Final = 0.5
BUSY_FACTOR: Final = 0.9
"""What a server that says it is busy is left of what was under way."""
WINDOW_S: Final = 0.5
WINDOW_SAMPLES: Final = 4
"""A window closes with as many samples, or after four times its length: one odd answer is no trend."""


class ConcurrencyLimit:
    """The limit of one endpoint."""

    __slots__ = ("_began_s", "_limit", "_peak", "_ratios", "_refused_s", "_samples")

    def __init__(self) -> None:
        self._limit: float | None = None
        self._began_s = float("-inf")
        self._refused_s = float("-inf")
        self._ratios = 0.0
        self._samples = 0
        self._peak = 0

    def most(self, policy: int) -> int:
        """Return how many requests may be under way; `policy` is the limit that the policy sets."""
        return policy if self._limit is None else min(policy, int(self._limit))

    def observe(self, ratio: float, in_flight: int, policy: int, now_s: float) -> None:
        """Take note of an answer's beginning: `ratio` is its time over the usual one for such a prompt.

        `in_flight` counts it, too.
        """
        if not self._samples:
            self._began_s = now_s
        self._ratios += ratio
        self._samples += 1
        self._peak = max(self._peak, in_flight)
        waited_s = now_s - self._began_s
        if (waited_s >= WINDOW_S and self._samples >= WINDOW_SAMPLES) or waited_s >= 4 * WINDOW_S:
            self._close_window(policy)

    def refused(self, in_flight: int, now_s: float) -> None:
        """Take note that the server said it is busy, with that many under way besides. A burst of these counts once."""
        if now_s - self._refused_s < WINDOW_S:
            return
        self._refused_s = now_s
        start = in_flight if self._limit is None else min(self._limit, in_flight)
        self._limit = max(float(LIMIT_MIN), start * BUSY_FACTOR)

    def _close_window(self, policy: int) -> None:
        gradient = max(GRADIENT_MIN, min(1.0, TOLERANCE * self._samples / self._ratios))
        peak, self._ratios, self._samples, self._peak = self._peak, 0.0, 0, 0
        if self._limit is None:
            if gradient == 1.0:
                return
            self._limit = float(peak)
        elif gradient == 1.0 and peak < self._limit / 2:
            # What is not used tells nothing of what more would do.
            return
        wanted = self._limit * gradient + sqrt(self._limit)
        smoothed = self._limit * (1.0 - SMOOTHING) + wanted * SMOOTHING
        self._limit = None if smoothed >= policy else max(float(LIMIT_MIN), smoothed)
