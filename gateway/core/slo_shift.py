"""How much of a tier's traffic goes elsewhere while it misses its objective: a tenth more every ten seconds, no faster.

To move everything at once would only carry the breach to the next tier, and back. So a breach moves a tenth of the
requests, then watches; the way back is as slow, and begins after a minute without a breach. A tenth stays in any case:
without it nobody would see the tier recover.
"""

import math
from typing import Final

STEPS: Final = 10
"""A step is a tenth of a tier's requests."""
STEPS_MAX: Final = 9
STEP_S: Final = 10.0
CALM_S: Final = 60.0
ALLOWED_MISSES: Final = 0.05
"""An objective is a 95th percentile: of a hundred streams five may miss it."""
MISSES_LEAST: Final = 3
STREAMS_LEAST: Final = 20
"""Fewer tell nothing: a sound tier has two misses in twenty once in four times."""


def is_breach(missed: int, total: int) -> bool:
    """Tell whether more than the allowed share missed the objective, by enough streams to say so."""
    return total >= STREAMS_LEAST and missed >= MISSES_LEAST and missed > ALLOWED_MISSES * total


class SloShift:
    """The share of one tier's requests that goes elsewhere, from none to nine tenths."""

    __slots__ = ("_breached_s", "_moved_s", "_steps")

    def __init__(self) -> None:
        self._steps = 0
        self._moved_s = -math.inf
        self._breached_s = -math.inf

    @property
    def share(self) -> float:
        """Return the share."""
        return self._steps / STEPS

    def look(self, now_s: float, *, breached: bool) -> None:
        """Take note of how the tier fares now, and move by a step if it is time."""
        if breached:
            self._breached_s = now_s
            if self._steps < STEPS_MAX and now_s >= self._moved_s + STEP_S:
                self._steps += 1
                self._moved_s = now_s
        elif self._steps:
            # Nobody looks while no request comes, and the time counts all the same.
            back_from_s = max(self._moved_s + STEP_S, self._breached_s + CALM_S)
            if now_s >= back_from_s:
                self._steps = max(0, self._steps - 1 - int((now_s - back_from_s) / STEP_S))
                self._moved_s = now_s
