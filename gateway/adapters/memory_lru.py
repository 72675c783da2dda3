"""A bounded mapping: by bytes, by age, the least recently used first out."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

ENTRY_OVERHEAD_BYTES = 576
"""What the objects around a cached answer weigh: 506 to 571 bytes by tracemalloc on CPython 3.11."""

V = TypeVar("V")


class ByteLru(Generic[V]):
    """Keep values up to `bytes_max` in all. Time is given with every call, in monotonic seconds."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._entries: OrderedDict[str, tuple[V, int, float]] = OrderedDict()
        self.used_bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now_s: float) -> V | None:
        """Return the value unless it is absent or too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, _, expires_s = entry
        if now_s >= expires_s:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: str, value: V, size_bytes: int, expires_s: float) -> None:
        """Keep the value, at the cost of the least recently used; a value larger than everything is not kept."""
        self.drop(key)
        weight = size_bytes + ENTRY_OVERHEAD_BYTES
        if weight > self._bytes_max:
            return
        self._entries[key] = (value, weight, expires_s)
        self.used_bytes += weight
        while self.used_bytes > self._bytes_max:
            _, (_, oldest_weight, _) = self._entries.popitem(last=False)
            self.used_bytes -= oldest_weight
            self.evicted += 1

    def items(self) -> Iterator[tuple[str, V]]:
        """Go through all values, the least recently used first, also those that are too old by now."""
        return ((key, value) for key, (value, _, _) in self._entries.items())

    def drop(self, key: str) -> None:
        """Forget the key, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry[1]
