"""What is measured of semantic hits, from scores and labels alone."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gateway.core.hit_bound import threshold
from gateway.core.hit_proof import HitLabel, HitProof, Standing, Terms, begin, is_shadowed, learn
from router_models.bootstrap import RESAMPLES, Interval, interval
from router_models.scientific import Doubles
from router_models.verifier.fit import bin_edges, weighed_counts
from router_models.verifier.pairs import Labels, Parts

HIT_RATE: Final = 0.2
SHADOW: Final = 0.02
DRAWS: Final = 200
WINDOW: Final = 1_000
NEVER: Final = -1
REPEATS: Final = 3

Scores = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Honesty:
    """Over draws of the calibration pairs: how often the bound was broken on the test pairs, and the mean hit rate."""

    broken: float
    hit_rate: float


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests in their order: the score of each would-be hit, and whether it would be right."""

    scores: Scores
    labels: Labels
    drifts_at: int


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a stream: requests from the drift until the promise held again for good, or `NEVER`.

    `wrong_most` is the largest count of wrong answers in 1,000 requests behind the drift, `breaches` how often the
    scope was turned off.
    """

    requests: int
    wrong_most: int
    breaches: int


def wrong_at_rate(scores: Scores, labels: Labels, seed: int, rate: float = HIT_RATE) -> Interval:
    """Return the wrong share of the hits when the likeliest of all pairs are served."""
    hits = labels[np.argsort(-scores, kind="stable")[: round(rate * len(scores))]]
    return share(hits == 0, seed)


def share(of: NDArray[np.bool_], seed: int) -> Interval:
    """Return a share with its interval by the bootstrap; of nothing, nothing."""
    if not len(of):
        return Interval(0.0, 0.0, 0.0)
    chance = np.random.default_rng(seed)
    samples = np.array([of[chance.integers(0, len(of), len(of))].mean() for _ in range(RESAMPLES)])
    return interval(float(of.mean()), samples)


def area_lead(scores: Scores, other: Scores, labels: Labels, seed: int, resamples: int = DRAWS) -> Interval:
    """Return by how much the area under the ROC curve is larger than with other scores."""
    chance = np.random.default_rng(seed)
    draws = (chance.integers(0, len(labels), len(labels)) for _ in range(resamples))
    samples = [area(scores[at], labels[at]) - area(other[at], labels[at]) for at in draws]
    return interval(area(scores, labels) - area(other, labels), np.array(samples))


def area(scores: Scores, labels: Labels) -> float:
    """Return the area under the ROC curve, by ranks; equal scores count half."""
    right = int(labels.sum())
    wrong = len(labels) - right
    return float((rankdata(scores)[labels == 1].sum() - right * (right + 1) / 2) / (right * wrong))


def honesty(
    calibration: tuple[Scores, Labels],
    shares: Doubles,
    test: tuple[Scores, Labels],
    max_wrong: float,
    seed: int,
    draws: int = DRAWS,
) -> Honesty:
    """Draw calibration pairs again and again, find the threshold, and look what it does on the test pairs.

    `shares`: what each calibration pair counts.
    """
    chance, pairs = np.random.default_rng(seed), len(shares)
    rounds = ((chance.integers(0, pairs, pairs), test) for _ in range(draws))
    return _honesty_over(rounds, calibration, shares, max_wrong)


def honesty_between_halves(
    calibration: tuple[Scores, Labels],
    parts: Parts,
    shares: Doubles,
    max_wrong: float,
    seed: int,
    draws: int = DRAWS,
) -> Honesty:
    """Find the threshold by a half of the components, look what it does on the pairs of the others; again and again."""
    (scores, labels), names, chance = calibration, np.unique(parts), np.random.default_rng(seed)
    halves = (np.isin(parts, chance.permutation(names)[: len(names) // 2]) for _ in range(draws))
    rounds = ((np.flatnonzero(half), (scores[~half], labels[~half])) for half in halves)
    return _honesty_over(rounds, calibration, shares, max_wrong)


def _honesty_over(
    rounds: Iterable[tuple[Rows, tuple[Scores, Labels]]],
    calibration: tuple[Scores, Labels],
    shares: Doubles,
    max_wrong: float,
) -> Honesty:
    """Find a threshold by the rows of each round, and look what it does on the pairs beside them."""
    scores, labels = calibration
    edges = bin_edges(scores)
    bins = np.searchsorted(edges, scores, side="right") - 1
    broken, hit_rates = 0, []
    for rows, (tested, is_right) in rounds:
        found = threshold(weighed_counts(edges, bins[rows], labels[rows], shares[rows]), max_wrong)
        served = is_right[:0] if found is None else is_right[tested >= found]
        hit_rates.append(len(served) / len(is_right))
        broken += bool(len(served)) and float((served == 0).mean()) > max_wrong
    return Honesty(broken / len(hit_rates), sum(hit_rates) / len(hit_rates))


def mixed_stream(
    before: tuple[Scores, Labels], after: tuple[Scores, Labels], mixed_in: float, length: int, seed: int
) -> Stream:
    """Return `length` requests of the one kind, and as many of which a share is of the other."""
    chance = np.random.default_rng(seed)
    first, second = chance.choice(len(before[1]), length), chance.choice(len(before[1]), length)
    others = chance.choice(len(after[1]), length)
    is_other = chance.random(length) < mixed_in
    scores = np.concatenate([before[0][first], np.where(is_other, after[0][others], before[0][second])])
    labels = np.concatenate([before[1][first], np.where(is_other, after[1][others], before[1][second])])
    return Stream(scores, labels.astype(np.int8), length)


def run_bound(stream: Stream, terms: Terms, seed: int) -> Course:
    """Serve a stream as the gateway does, with labels for a 2 % shadow sample."""
    proof, key, now_s = begin(terms, 0.0), seed.to_bytes(8, "big"), 0.0
    wrong = np.zeros(len(stream.scores), np.int64)
    for at, (score, label) in enumerate(zip(stream.scores.tolist(), stream.labels.tolist(), strict=True)):
        now_s += 1.0
        if not _is_candidate(proof, score):
            continue
        if is_shadowed(key, at.to_bytes(8, "big"), SHADOW):
            proof = learn(proof, HitLabel(score, is_wrong=label == 0), terms, now_s)
        elif proof.serves(score):
            wrong[at] = label == 0
    return _course(wrong, stream.drifts_at, terms.max_wrong, proof.breaches)


def run_fixed(stream: Stream, served_from: float, max_wrong: float) -> Course:
    """Serve a stream with a threshold that never moves."""
    wrong = ((stream.scores >= served_from) & (stream.labels == 0)).astype(np.int64)
    return _course(wrong, stream.drifts_at, max_wrong, 0)


def _is_candidate(proof: HitProof, score: float) -> bool:
    return proof.serves(score) or proof.standing is Standing.EXACT_ONLY


def _course(wrong: NDArray[np.int64], drifts_at: int, max_wrong: float, breaches: int) -> Course:
    within = np.convolve(wrong, np.ones(WINDOW, np.int64))[: len(wrong)][drifts_at:]
    over = np.flatnonzero(within > max_wrong * WINDOW)
    requests = 0 if not len(over) else int(over[-1]) + 1
    return Course(NEVER if requests == len(within) else requests, int(within.max()), breaches)


def percentiles_ms(decide: Callable[[int], object], rounds: int, clock_ns: Callable[[], int]) -> tuple[float, float]:
    """Return the median and the 99th percentile of a call, in milliseconds of the given clock.

    Each call is timed `REPEATS` times and the least counts: what else a machine does only ever adds.
    """
    passes = [list(_timed(decide, rounds, clock_ns)) for _ in range(REPEATS)]
    taken = np.array(passes, np.float64).min(axis=0) / 1e6
    return float(np.quantile(taken, 0.5)), float(np.quantile(taken, 0.99))


def _timed(decide: Callable[[int], object], rounds: int, clock_ns: Callable[[], int]) -> Iterator[int]:
    for number in range(rounds):
        began_ns = clock_ns()
        decide(number)
        yield clock_ns() - began_ns
