"""How much of a key's traffic its route's strongest tier takes, over a sliding hour.

Texts can be found that make any request look hard (Shafran et al. 2025, "Rerouting LLM Routers"). Whoever sends them
gains the dearest answers at somebody's cost; a cap on the share takes the gain away without judging a single text.
"""

from collections import deque
from typing import Final

from gateway.domain.ids import KeyId

WINDOW_S: Final = 3_600.0
SLOT_S: Final = 60.0
FREE: Final = 20
"""So many requests of a key say nothing of a share yet."""

_Slot = list[float]
"""When it began, the requests in it, and those that went to the strongest tier."""


class _Key:
    __slots__ = ("requests", "slots", "strongest")

    def __init__(self) -> None:
        self.slots: deque[_Slot] = deque()
        self.requests = 0.0
        self.strongest = 0.0

    def expire(self, now_s: float) -> None:
        while self.slots and self.slots[0][0] <= now_s - WINDOW_S:
            _, requests, strongest = self.slots.popleft()
            self.requests -= requests
            self.strongest -= strongest


class StrongestShares:
    """Counts of this worker, by key. Only keys with a cap are counted."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[KeyId, _Key] = {}

    def is_spent(self, key: KeyId, cap: float, now_s: float) -> bool:
        """Tell whether one more request to the strongest tier would be more than that share of the key's requests."""
        counted = self._keys.get(key)
        if counted is None:
            return False
        counted.expire(now_s)
        return counted.requests >= FREE and counted.strongest + 1 > cap * (counted.requests + 1)

    def count(self, key: KeyId, now_s: float, *, strongest: bool) -> None:
        """Count a request of the key."""
        counted = self._keys.get(key)
        if counted is None:
            counted = self._keys[key] = _Key()
        if not counted.slots or now_s >= counted.slots[-1][0] + SLOT_S:
            counted.expire(now_s)
            counted.slots.append([now_s, 0.0, 0.0])
        slot = counted.slots[-1]
        slot[1] += 1.0
        slot[2] += strongest
        counted.requests += 1.0
        counted.strongest += strongest
