"""Intervals by the bootstrap over groups of queries (Efron 1979): queries that ask the same are drawn together.

The same seed draws the same groups, so figures of two routers on the same queries may be subtracted draw by draw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.measures import STEPS
from router_models.scientific import Doubles

RESAMPLES: Final = 1_000
"""The ends of a 95 % interval then rest on 25 draws each."""
MARGIN: Final = 0.01
"""A router that is worse than another by less than this APGR counts as not inferior."""

Codes = NDArray[np.intp]
_SHARES: Final[Doubles] = np.arange(STEPS + 1, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Queries as one router ranks them (`score`, highest to the strong model first).

    `gain` is what the strong model would add, `groups` the number of each query's group among all that are drawn.
    """

    score: Doubles
    gain: Doubles
    groups: Codes


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(value: float, samples: Doubles) -> Interval:
    """Return the percentile interval."""
    low, high = np.quantile(samples, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def draws(groups: int, seed: int, resamples: int = RESAMPLES) -> Iterator[Doubles]:
    """Yield how often each group is drawn, as many as there are in all."""
    chance = np.random.default_rng(seed)
    for _ in range(resamples):
        counts: Doubles = np.bincount(chance.integers(0, groups, groups), minlength=groups).astype(np.float64)
        yield counts


def apgr_samples(routers: Sequence[Sequence[Ranking]], seed: int, resamples: int = RESAMPLES) -> Doubles:
    """Return routers x draws APGR, each the mean over a router's rankings (of several fits, say)."""
    drawn = np.unique(np.concatenate([each.groups for rankings in routers for each in rankings]))
    ordered = [
        [(each.gain[order], np.searchsorted(drawn, each.groups[order])) for each, order in _orders(rankings)]
        for rankings in routers
    ]
    found = [
        [sum([_apgr(gain, counts[codes]) for gain, codes in rankings]) / len(rankings) for rankings in ordered]
        for counts in draws(len(drawn), seed, resamples)
    ]
    return np.array(found).T


def _orders(rankings: Sequence[Ranking]) -> Iterator[tuple[Ranking, Codes]]:
    for each in rankings:
        yield each, np.argsort(-each.score, kind="stable")


def _apgr(gain: Doubles, times: Doubles) -> float:
    """Return the APGR of ranked queries, each there so many times.

    As `measures.apgr` has it, in half the time where the queries are few: a card asks for it a hundred thousand times.
    """
    reached, queries = np.zeros((2, len(gain) + 1))
    np.multiply(gain, times, out=reached[1:])
    np.cumsum(reached, out=reached)
    np.cumsum(times, out=queries[1:])
    if reached[-1] <= 0:
        # A draw of few queries in which the weak model is as good: nothing to recover, so nothing is learnt.
        return 0.5
    heights = np.interp(np.rint(_SHARES * (queries[-1] / STEPS)), queries, reached)
    return float((heights[1:] + heights[:-1]).sum() / (2 * STEPS) / reached[-1])


def codes_of(groups: NDArray[np.str_]) -> Codes:
    """Return each query's number of its group."""
    return np.unique(groups, return_inverse=True)[1].astype(np.intp)


def standing(difference: Interval, margin: float = MARGIN) -> str:
    """Say, at 97.5 % confidence each way, how a router stands against another by the lead it has in APGR."""
    if difference.low > 0:
        return "better"
    if difference.low > -margin:
        return "not inferior"
    return "inferior" if difference.high < -margin else "not shown to be no worse"
