"""What was seen of one tier in the last thirty seconds, of this worker and of those that share with it.

Counts, and nothing but counts: so many of a kind. They add up, whoever counted them, which is what makes them easy to
share. Each kind is a number:

    row × BUCKETS + bucket   times to the first content, a row for each size of prompt; the last row: gaps of tokens
    TTFT_MISSED, ITL_MISSED  those of them that missed the tier's objective
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from gateway.core.log_histogram import BUCKETS, quantile_s

WINDOW_S: Final = 30.0
SLOT_S: Final = 1.0
SIZES_TOKENS: Final = (1_000, 4_000, 16_000, 64_000)
"""Prompts up to each of these are of one size; longer ones are of the last."""
TTFT_ROWS: Final = len(SIZES_TOKENS) + 1
ITL_ROW: Final = TTFT_ROWS
TTFT_MISSED: Final = (ITL_ROW + 1) * BUCKETS
ITL_MISSED: Final = TTFT_MISSED + 1
KINDS: Final = ITL_MISSED + 1

Counts = dict[int, int]


def size_of(input_tokens: int) -> int:
    """Return the row for prompts of that length."""
    for row, most_tokens in enumerate(SIZES_TOKENS):
        if input_tokens <= most_tokens:
            return row
    return len(SIZES_TOKENS)


class SloWindow:
    """Counts by the second, and their sums. Bounded by the number of kinds, however much is seen."""

    __slots__ = ("_slot", "_slot_ends_s", "_slots", "_sums")

    def __init__(self) -> None:
        self._slots: deque[tuple[float, Counts]] = deque()
        self._slot: Counts = {}
        self._slot_ends_s = float("-inf")
        self._sums = [0] * KINDS

    def add(self, kind: int, count: int, now_s: float) -> None:
        """Count something of that kind."""
        if now_s >= self._slot_ends_s:
            self.expire(now_s)
            self._slot = {}
            self._slots.append((now_s, self._slot))
            self._slot_ends_s = now_s + SLOT_S
        self._slot[kind] = self._slot.get(kind, 0) + count
        self._sums[kind] += count

    def merge(self, counts: Mapping[int, int], now_s: float) -> None:
        """Add what another worker counted just now. Kinds that there are not are passed over."""
        for kind, count in counts.items():
            if 0 <= kind < KINDS and count > 0:
                self.add(kind, count, now_s)

    def expire(self, now_s: float) -> None:
        """Forget what is older than the window."""
        sums = self._sums
        while self._slots and self._slots[0][0] <= now_s - WINDOW_S:
            _, expired = self._slots.popleft()
            for kind, count in expired.items():
                sums[kind] -= count

    def ttft_counts(self, size: int) -> list[int]:
        """Return the times to the first content after prompts of one size, by bucket."""
        return self._sums[size * BUCKETS : (size + 1) * BUCKETS]

    def ttft_s(self, share: float) -> float | None:
        """Return the time to the first content that this share of all streams had, prompts of every size together."""
        rows = (self.ttft_counts(size) for size in range(TTFT_ROWS))
        return quantile_s([sum(column) for column in zip(*rows, strict=True)], share)

    def itl_s(self, share: float) -> float | None:
        """Return the mean gap between tokens that this share of all streams had."""
        return quantile_s(self._sums[ITL_ROW * BUCKETS : TTFT_MISSED], share)

    def misses(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return how many missed their objective, of how many: first contents, then gaps."""
        sums = self._sums
        return (
            (sums[TTFT_MISSED], sum(sums[: ITL_ROW * BUCKETS])),
            (sums[ITL_MISSED], sum(sums[ITL_ROW * BUCKETS : TTFT_MISSED])),
        )
