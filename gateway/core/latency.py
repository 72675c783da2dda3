"""How long answers usually take to begin, whatever their prompts' length, and how far an endpoint is from that.

A long prompt takes longer to read, which is no sign of trouble. So a time is compared with `a + b·tokens`, learnt for
each tier, and only the ratio is kept. Ratios of one tier's endpoints can be compared with each other: their median says
whether it is the endpoint that is slow, or the hour.
"""

from collections.abc import Sequence
from math import exp
from typing import Final

MEMORY: Final = 512
"""Samples after which an old one counts for a third: minutes at usual rates, lest congestion become the usual."""
NOISE_S: Final = 0.05
"""What our own event loop may add. Times below are alike."""
_OUTLIER: Final = 3.0
_SAMPLES_TRUSTED: Final = 8
_SHARE_MIN: Final = 0.2

AVERAGED_S: Final = 2.0
"""How far back an endpoint's average reaches."""
_SAMPLE_WEIGHT_MIN: Final = 0.05
_LATE_WEIGHT_MAX: Final = 0.2
LATE_MAX: Final = 6.0
"""No single request makes an endpoint gray that was known to be sound, however late it is; three in a row do. Where
requests are few, and several workers send them, who came at the same moment explains most of what is late."""

TOLERATED: Final = 1.5
"""Up to this many times its peers' time an endpoint is as good as they are."""
GRAY: Final = 3.0
"""From here on it is given a trickle."""
GRAY_NO_MORE: Final = 2.0


class Baseline:
    """Least squares over the samples of a tier, the newest counting most."""

    __slots__ = ("_cov", "_mean_s", "_mean_tokens", "_samples", "_var")

    def __init__(self) -> None:
        self._samples = 0
        self._mean_s = 0.0
        self._mean_tokens = 0.0
        self._var = 0.0
        self._cov = 0.0

    def expected_s(self, tokens: int) -> float:
        """Return the usual time for so many tokens, 0 before the first sample."""
        away = tokens - self._mean_tokens
        slope = self._cov / self._var if self._var > 1.0 and self._cov > 0.0 else 0.0
        return max(self._mean_s + slope * away, _SHARE_MIN * self._mean_s)

    def learn(self, tokens: int, took_s: float) -> float:
        """Take a sample in, and return its ratio to what was usual before; 1 for the first.

        One that is far off is taken in as less: it says more of its endpoint than of the tier.
        """
        expected_s = max(self.expected_s(tokens), NOISE_S) if self._samples else max(took_s, NOISE_S)
        ratio = max(took_s, NOISE_S) / expected_s
        if self._samples >= _SAMPLES_TRUSTED:
            took_s = min(took_s, _OUTLIER * expected_s)
        self._samples += 1
        share = 1.0 / min(self._samples, MEMORY)
        away, late_s = tokens - self._mean_tokens, took_s - self._mean_s
        self._mean_tokens += share * away
        self._mean_s += share * late_s
        self._var = (1.0 - share) * (self._var + share * away * away)
        self._cov = (1.0 - share) * (self._cov + share * away * late_s)
        return ratio


class Slowness:
    """An endpoint's average ratio over the last seconds. 0 until something is known."""

    __slots__ = ("_at_s", "ratio")

    def __init__(self) -> None:
        self.ratio = 0.0
        self._at_s = float("-inf")

    def observe(self, ratio: float, now_s: float) -> None:
        """Take a sample in, by the time since the last one."""
        weight = max(1.0 - exp((self._at_s - now_s) / AVERAGED_S), _SAMPLE_WEIGHT_MIN) if self.ratio else 1.0
        if ratio > self.ratio > 0.0:
            ratio, weight = max(min(ratio, LATE_MAX), self.ratio), min(weight, _LATE_WEIGHT_MAX)
        self.ratio += weight * (ratio - self.ratio)
        self._at_s = now_s


def slowness_scores(ratios: Sequence[float]) -> list[float]:
    """Return how many times slower than the median of the others each is; 1 where nothing can be compared."""
    scores: list[float] = []
    for position, ratio in enumerate(ratios):
        others = sorted(other for place, other in enumerate(ratios) if other and place != position)
        scores.append(ratio / _median(others) if ratio and others else 1.0)
    return scores


def share_of(score: float) -> float:
    """Return the share of its usual load that an endpoint of this score may be given; 0 asks for a trickle."""
    if score <= TOLERATED:
        return 1.0
    return 0.0 if score >= GRAY else (TOLERATED / score) ** 2


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
