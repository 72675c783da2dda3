"""Durations by the logarithm of their length: four buckets to a doubling, from a millisecond to half an hour.

A bucket's middle is within 9 % of whatever fell into it, which is finer than latencies repeat.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

BUCKETS: Final = 84
_PER_DOUBLING: Final = 4
_LEAST_S: Final = 0.001
_PER_OCTAVE_LOG: Final = _PER_DOUBLING / math.log(2.0)


def bucket_of(duration_s: float) -> int:
    """Return the bucket of a duration; what is shorter or longer than all buckets goes to the first or the last."""
    if duration_s <= _LEAST_S:
        return 0
    return min(1 + int(math.log(duration_s / _LEAST_S) * _PER_OCTAVE_LOG), BUCKETS - 1)


def middle_s(bucket: int) -> float:
    """Return the duration that stands for a bucket: the geometric mean of its bounds."""
    return _LEAST_S if bucket == 0 else _LEAST_S * 2.0 ** ((bucket - 0.5) / _PER_DOUBLING)


def end_s(bucket: int) -> float:
    """Return the duration that nothing in a bucket exceeds; the last has no such end, and its middle stands for it."""
    return _LEAST_S * 2.0 ** (bucket / _PER_DOUBLING) if bucket < BUCKETS - 1 else middle_s(bucket)


def quantile_s(counts: Sequence[int], share: float) -> float | None:
    """Return about the duration that this share of the counted ones does not exceed; None where nothing was counted.

    `counts` has one number a bucket.
    """
    bucket = _bucket_at(counts, share)
    return None if bucket is None else middle_s(bucket)


def within_s(counts: Sequence[int], share: float) -> float | None:
    """Return a duration that this share of the counted ones does not exceed for certain, a bucket longer at most."""
    bucket = _bucket_at(counts, share)
    return None if bucket is None else end_s(bucket)


def _bucket_at(counts: Sequence[int], share: float) -> int | None:
    reached = list(accumulate(counts))
    total = reached[-1]
    if total == 0:
        return None
    # Rounding must not ask for one more than the share is.
    return bisect_left(reached, max(1, math.ceil(share * total - 1e-9)))
