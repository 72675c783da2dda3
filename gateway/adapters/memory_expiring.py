"""A mapping whose entries end, at the cost of a bounded number of them with each call."""

import heapq
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """Forget entries after their time. An entry that is due stays until `forget` comes to it."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._ends_s: dict[K, float] = {}
        self._order: list[tuple[float, int, K]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return what is kept under the key."""
        return self._values.get(key)

    def put(self, key: K, value: V, ends_s: float) -> None:
        """Keep the value until `ends_s`, or the later of two ends for a key kept already."""
        self._values[key] = value
        before_s = self._ends_s.get(key)
        if before_s is None:
            self._push(key, ends_s)
        self._ends_s[key] = ends_s if before_s is None else max(before_s, ends_s)

    def pop(self, key: K) -> V | None:
        """Forget the key now; return what was kept."""
        self._ends_s.pop(key, None)
        return self._values.pop(key, None)

    def forget(self, now_s: float, at_most: int) -> list[tuple[K, V]]:
        """Forget entries whose end has come, the earliest first; return them."""
        ended: list[tuple[K, V]] = []
        while self._order and self._order[0][0] <= now_s and len(ended) < at_most:
            _, _, key = heapq.heappop(self._order)
            ends_s = self._ends_s.get(key)
            if ends_s is None:
                continue
            if ends_s > now_s:
                self._push(key, ends_s)
                continue
            del self._ends_s[key]
            ended.append((key, self._values.pop(key)))
        return ended

    def _push(self, key: K, ends_s: float) -> None:
        # The serial keeps the heap from comparing keys.
        self._serial += 1
        heapq.heappush(self._order, (ends_s, self._serial, key))
