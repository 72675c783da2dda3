"""How fast a model server works over time: slower while something ails it, not at all while it is frozen."""

from collections.abc import Sequence
from typing import Final

from tests.sim.case import Ailment, ServerFault

FOREVER_S: Final = 1e9
_PACED: Final = (Ailment.SLOW, Ailment.FROZEN)


class Pace:
    """Turns seconds of work into virtual time."""

    def __init__(self, faults: Sequence[ServerFault], zero_s: float) -> None:
        self._windows = [
            (zero_s + fault.from_s, zero_s + fault.to_s, 0.0 if fault.kind is Ailment.FROZEN else 1.0 / fault.factor)
            for fault in sorted(faults, key=lambda fault: fault.from_s)
            if fault.kind in _PACED
        ]

    def done_at_s(self, from_s: float, work_s: float) -> float:
        """Tell when that much work is done that begins at `from_s`."""
        now_s = from_s
        for begin_s, end_s, speed in self._windows:
            if end_s <= now_s:
                continue
            if begin_s > now_s:
                if now_s + work_s <= begin_s:
                    return now_s + work_s
                work_s -= begin_s - now_s
                now_s = begin_s
            if speed > 0 and (end_s - now_s) * speed >= work_s:
                return now_s + work_s / speed
            work_s -= (end_s - now_s) * speed
            now_s = end_s
        return now_s + work_s
