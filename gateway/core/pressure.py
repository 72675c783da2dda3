"""How many requests a worker may have under way, learnt from how late its event loop's timers come.

A loop that is late has more to do than it can, and every further request makes all of them slower. Then the limit falls
below what is under way, by how far the lag is above its target. While the loop is on time it grows again: quickly up to
nearly where the loop was late last, slowly from there on, so that it settles below that point rather than run into it
over and over. (A gradient limiter such as Netflix's, on the worker's own overhead: how long model servers take says
nothing of this worker.)
"""

LIMIT_MIN = 64
"""The limit never falls below this: so few requests cannot keep a loop busy, so something else does."""

_SMOOTHING = 0.2
"""Of each sample of the lag. At twenty samples a second a lasting lag counts after a quarter of a second; one pause of
a tenth does not."""
_CUT_EVERY_S = 0.25
"""What a lower limit does is seen only once some requests have ended."""
_CUT_MIN = 0.8
_QUICKLY, _SLOWLY = 0.05, 0.005
_NEARLY = 0.9
_WARY_S = 5.0
"""After so long without lag, what was learnt of where it begins no longer counts."""


class Pressure:
    """The limit, and the lag that it rests on. `limit` starts where the policy's own limit is the lower one."""

    __slots__ = ("_cut_at_s", "_late_at", "lag_s", "limit")

    def __init__(self) -> None:
        self.limit = float("inf")
        self.lag_s = 0.0
        """How late timers come, smoothed."""
        self._cut_at_s = float("-inf")
        self._late_at = float("inf")
        """How many requests were under way when the loop was late last."""

    def note(self, lag_s: float, now_s: float, target_s: float | None, in_flight: int, in_flight_max: int) -> None:
        """Take note of how late a timer came. `target_s` None adapts nothing."""
        self.lag_s += _SMOOTHING * (lag_s - self.lag_s)
        if target_s is None or self.lag_s <= target_s:
            if self.limit < in_flight_max:
                is_near = self.limit >= _NEARLY * self._late_at and now_s - self._cut_at_s < _WARY_S
                by = _SLOWLY if is_near else _QUICKLY
                self.limit += max(1.0, by * self.limit)
        elif now_s - self._cut_at_s >= _CUT_EVERY_S:
            self._cut_at_s = now_s
            used = min(self.limit, float(max(in_flight, LIMIT_MIN)))
            self._late_at = used
            self.limit = max(float(LIMIT_MIN), used * max(_CUT_MIN, target_s / self.lag_s))
