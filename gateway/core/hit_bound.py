"""From which probability on a scope may serve semantic hits, so that at most a given share of them is wrong.

Fixed-sequence testing, as in `gate.py` (Learn then Test, Angelopoulos et al. 2021, section 2.3): thresholds are tried
from strict to lax, each by the exact test "at most so many of the hits above it are wrong" (Clopper and Pearson 1934),
and the first that fails ends the search. The last that passed keeps the bound with the confidence asked for, however
many were tried. Where the search begins depends on how many counts lie above a threshold and never on how many of them
are wrong: at the first with enough of them that half the allowed share would pass.

The counts are taken for independent draws of the traffic to come. Pairs of a calibration that share a question count as
one together; where the traffic is of another kind, `hit_proof.py` notices.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import Final

from gateway.core.gate import binomial_cdf, clopper_pearson
from gateway.domain.question import ScoreCounts

CONFIDENCE: Final = 0.95
_EXPECTED_SHARE: Final = 0.5
"""Of the allowed share, what the search counts on at its beginning."""
_STEP: Final = 1.05
"""Each threshold is tried with a twentieth more hits than the one before: trying more finely only fails by chance
more often."""
_HITS_LOOKED_AT: Final = 1 << 20


def bin_of(counts: ScoreCounts, probability: float) -> int:
    """Return the bin that holds a probability."""
    return max(0, bisect_right(counts.edges, probability) - 1)


def sum_of(first: ScoreCounts, second: ScoreCounts) -> ScoreCounts:
    """Add counts bin by bin. Raises ValueError where the bins differ."""
    if first.edges != second.edges:
        raise ValueError("counts of different bins cannot be added")
    right = tuple(map(int.__add__, first.right, second.right))
    return ScoreCounts(first.edges, right, tuple(map(int.__add__, first.wrong, second.wrong)))


def wrong_share_high(wrong: int, hits: int, confidence: float = CONFIDENCE) -> float:
    """Return the upper end of the exact one-sided interval of the share of wrong hits; 1 where there are none."""
    return clopper_pearson(wrong, hits, 1.0 - confidence)


def threshold(counts: ScoreCounts, max_wrong: float, confidence: float = CONFIDENCE) -> float | None:
    """Return the least probability that may be served, or None: then nothing may."""
    error = 1.0 - confidence
    wanted = float(least_hits(max_wrong, confidence))
    found = None
    strict_first = zip(reversed(counts.edges), reversed(counts.right), reversed(counts.wrong), strict=True)
    totals = accumulate(strict_first, lambda so_far, bin_: (bin_[0], so_far[1] + bin_[1], so_far[2] + bin_[2]))
    for edge, right, wrong in totals:
        if right + wrong < wanted:
            continue
        if binomial_cdf(wrong, right + wrong, max_wrong) > error:
            break
        found = edge
        wanted = (right + wrong) * _STEP
    return found


def least_hits(max_wrong: float, confidence: float = CONFIDENCE) -> int:
    """Return with how many counts the search begins: so many that half of the allowed share would pass the test.

    For a share that a million hits would not show, a million.
    """
    low, high = 0, 1
    while not _would_pass(high, max_wrong, confidence) and high < _HITS_LOOKED_AT:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _would_pass(middle, max_wrong, confidence):
            high = middle
        else:
            low = middle
    return high


def _would_pass(hits: int, max_wrong: float, confidence: float) -> bool:
    wrong = int(_EXPECTED_SHARE * max_wrong * hits)
    return binomial_cdf(wrong, hits, max_wrong) <= 1.0 - confidence
