"""The questions of one scope in memory, arranged so that the nearest are found by one product: exact, no other index.

10,000 questions of 128 numbers take 0.3 ms on one core, 5,000 half of that.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.domain.semantic import Neighbour, SemanticEntry

ENTRIES_MAX: Final = 10_000
"""Of a scope; beyond, the oldest goes. An approximate index would take more in, and take seconds to build."""
ENTRY_BYTES: Final = 500
"""What the objects around an entry weigh, beside its text and its two vectors."""
_FIRST_ROWS: Final = 16

Floats = NDArray[np.float32]


class ScopeRows:
    """Entries with vectors of one length, in a matrix that grows by doubling; the last row fills a gap."""

    def __init__(self, width: int, entries_max: int = ENTRIES_MAX) -> None:
        self.used_bytes = 0
        self._width = width
        self._entries_max = entries_max
        self._entries: list[SemanticEntry] = []
        self._at: dict[str, int] = {}
        self._matrix: Floats = np.zeros((_FIRST_ROWS, width), np.float32)

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: SemanticEntry, wall_s: float) -> None:
        """Take an entry in, in the place of one with the same answer; what is too old goes, and the oldest if full.

        A vector of another length, or without any length, is left out.
        """
        unit = unit_of(entry.vector, self._width)
        if unit is None:
            return
        self.drop(entry.answer)
        while self._at and (len(self._at) >= self._entries_max or is_over(self._oldest, wall_s)):
            self.drop(next(iter(self._at)))
        row = len(self._entries)
        if row == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
        self._matrix[row] = unit
        self._entries.append(entry)
        self._at[entry.answer] = row
        self.used_bytes += self._weight(entry)

    def drop(self, answer: str) -> None:
        """Take an entry out, if it is here."""
        row = self._at.pop(answer, None)
        if row is None:
            return
        self.used_bytes -= self._weight(self._entries[row])
        moved = self._entries.pop()
        if row != len(self._entries):
            self._matrix[row] = self._matrix[len(self._entries)]
            self._entries[row] = moved
            self._at[moved.answer] = row

    def nearest(self, vector: bytes, count: int, wall_s: float) -> list[Neighbour]:
        """Return the nearest entries that are not too old, the nearest first."""
        unit = unit_of(vector, self._width)
        if unit is None:
            return []
        while self._entries:
            # Not `@`: BLAS would share the product among threads, which wait for cores that other workers have.
            cosines: Floats = np.vecdot(self._matrix[: len(self._entries)], unit)
            found = _largest(cosines, count)
            over = [self._entries[row].answer for row in found if is_over(self._entries[row], wall_s)]
            if not over:
                return [Neighbour(self._entries[row], min(float(cosines[row]), 1.0)) for row in found]
            for answer in over:
                self.drop(answer)
        return []

    @property
    def _oldest(self) -> SemanticEntry:
        return self._entries[next(iter(self._at.values()))]

    def _weight(self, entry: SemanticEntry) -> int:
        return ENTRY_BYTES + 5 * self._width + len(entry.text)


def unit_of(vector: bytes, width: int) -> Floats | None:
    """Return int8 numbers as a vector of length 1; None where they are not `width` numbers, or all of them 0."""
    if len(vector) != width:
        return None
    numbers = np.frombuffer(vector, np.int8).astype(np.float32)
    length = float(np.sqrt(numbers @ numbers))
    return None if length == 0.0 else numbers / np.float32(length)


def _largest(cosines: Floats, count: int) -> list[int]:
    most = min(count, len(cosines))
    near = np.argpartition(cosines, len(cosines) - most)[-most:]
    rows: list[int] = near[np.argsort(-cosines[near])].tolist()
    return rows


def is_over(entry: SemanticEntry, wall_s: float) -> bool:
    """Tell whether an entry is too old. One from the future counts as new, lest a clock that was ahead keep it."""
    return abs(wall_s - entry.stored_at_s) >= entry.ttl_s
