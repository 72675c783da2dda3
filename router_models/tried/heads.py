"""Simple routers beside the shipped one: each is fitted on outcomes of the compared models alone, and shares nothing.

A ridge is chosen by log loss on a tenth of the training groups, and the router then fitted on all of them, so nothing
of a tested query is looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.features import TextFeatures
from gateway.core.plain_text import ends_of, essence, turn_text
from gateway.core.words import WORD_TABLE
from router_models.data import Floats
from router_models.design import build_design, learn_vocabulary
from router_models.heads import Space, fit_head
from router_models.low_rank import Settings
from router_models.router import POOLS_BY, STATIC_BY, TUNE_SHARE, Rows, group_parts, with_one
from router_models.scientific import Doubles, logistic
from router_models.static_table import unit
from router_models.texts import Texts
from router_models.tried.attempt import Cost

HALF_FLOAT_BYTES: Final = 2
RIDGES: Final = (1e-4, 1e-3, 1e-2)
STEPS: Final = 80
LAST_LAYER: Final = 3
"""The last of so many pools is the last layer's."""
NEAREST: Final = 100
NEAREST_DOUBT: Final = 5.0
LANDMARKS: Final = 1_000
KERNEL_WIDTH: Final = 0.3
KERNEL_RIDGES: Final = (1e-4, 1e-3, 1e-2)
JITTER: Final = 1e-5
CHANCE_MIN: Final = 1e-3
TIMED: Final = 25
"""Texts, one by one; their median is told."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted router: P(acceptable) of some texts, texts x models, and the numbers that it keeps."""

    chances: Callable[[Rows], Doubles]
    numbers: int

    def cost(self, rows: Rows) -> Cost:
        """Time some of the texts, one by one."""
        taken = []
        for row in rows[:TIMED]:
            start = perf_counter()
            self.chances(np.array([row]))
            taken.append(1_000 * (perf_counter() - start))
        return Cost(self.numbers * HALF_FLOAT_BYTES, float(np.median(taken)))


Names = NDArray[np.str_]
ByRidge = Callable[[float], Fitted]
Fit = Callable[[Rows, Doubles], Fitted]
"""Fits on some texts and what came of them, texts x models."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A router to be tried."""

    name: str
    fit: Fit


def alternatives(texts: Texts, prompts: Sequence[str], groups: Sequence[str], seed: int) -> list[Alternative]:
    """Return the routers that are tried wherever tiers are ordered; without an encoder those that need none."""
    told = np.array(groups)
    pairs = with_pairs(texts.features, prompts)
    found = [
        Alternative("words and pairs of words, a logistic head per model", word_heads(pairs, told, seed)),
        Alternative(
            "static vector, a logistic head per model", dense_heads(texts.static * np.float32(STATIC_BY), told, seed)
        ),
    ]
    if texts.has_encoder:
        last = texts.pools[:, texts.pools.shape[1] * (LAST_LAYER - 1) // LAST_LAYER :]
        directions = unit(texts.pools)
        scaled = texts.pools * np.float32(POOLS_BY)
        found += [
            Alternative(
                "encoder's last layer, a logistic head per model", dense_heads(last * np.float32(POOLS_BY), told, seed)
            ),
            Alternative("encoder's last three layers, a logistic head per model", dense_heads(scaled, told, seed)),
            Alternative(f"{NEAREST} nearest texts by the three layers", neighbours(directions)),
            Alternative("kernel ridge over the three layers", kernel_ridge(directions, told, seed)),
        ]
    return found


def with_pairs(features: Sequence[TextFeatures], prompts: Sequence[str]) -> list[TextFeatures]:
    """Add to each text's words the pairs of words that follow each other in what is read of it."""
    found = []
    for each, prompt in zip(features, prompts, strict=True):
        read, _ = ends_of(essence(turn_text(prompt, "")[0]))
        words = read.translate(WORD_TABLE).split()
        pairs = {b"%b %b" % pair for pair in pairwise(words)}
        found.append(TextFeatures(each.words | pairs, each.scalars))
    return found


def dense_heads(dense: Floats, groups: Names, seed: int) -> Fit:
    """Fit a logistic head per model on dense features, texts x numbers."""
    whole = with_one(dense)

    def prepare(rows: Rows, score: Doubles) -> ByRidge:
        own, space, seen = whole[rows], _apart(score), np.ones(score.shape, bool)
        half, settings = score.astype(np.float32), Settings(iterations=STEPS)

        def fit_with(ridge: float) -> Fitted:
            head = fit_head(None, own, half, seen, space, settings, dense_ridge=ridge)
            return Fitted(lambda at: logistic(space.logits(head.latent(None, whole[at]))), head.dense.size)

        return fit_with

    return lambda rows, score: _best(prepare, RIDGES, rows, score, groups, seed)


def word_heads(features: Sequence[TextFeatures], groups: Names, seed: int) -> Fit:
    """Fit a logistic head per model on words (and pairs, where the features have them) and the text's shape."""

    def prepare(rows: Rows, score: Doubles) -> ByRidge:
        known = [features[row] for row in rows]
        vocabulary = learn_vocabulary(known, np.ones(len(known), bool))
        design = build_design(known, vocabulary)
        dense, space, seen = with_one(design.scalars), _apart(score), np.ones(score.shape, bool)
        half = score.astype(np.float32)

        def fit_with(ridge: float) -> Fitted:
            settings = Settings(word_ridge=ridge, iterations=STEPS)
            head = fit_head(design.words, dense, half, seen, space, settings, dense_ridge=ridge)

            def chances(at: Rows) -> Doubles:
                asked = build_design([features[row] for row in at], vocabulary)
                return logistic(space.logits(head.latent(asked.words, with_one(asked.scalars))))

            return Fitted(chances, head.words.size + head.dense.size)

        return fit_with

    return lambda rows, score: _best(prepare, RIDGES, rows, score, groups, seed)


def neighbours(directions: Floats) -> Fit:
    """Take the mean outcome of the nearest texts, weighted by cosine and drawn to the mean of all."""

    def fit(rows: Rows, score: Doubles) -> Fitted:
        known, mean = directions[rows], score.mean(axis=0)
        count = min(NEAREST, len(rows))

        def chances(at: Rows) -> Doubles:
            cosines = directions[at] @ known.T
            near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
            weights = np.maximum(np.take_along_axis(cosines, near, axis=1), 0).astype(np.float64)
            said = np.einsum("nk,nkm->nm", weights, score[near]) + NEAREST_DOUBT * mean
            found: Doubles = said / (weights.sum(axis=1, keepdims=True) + NEAREST_DOUBT)
            return found

        return Fitted(chances, known.size + score.size)

    return fit


def kernel_ridge(directions: Floats, groups: Names, seed: int) -> Fit:
    """Fit the outcomes by a Gaussian kernel around some of the training texts (Nyström's approximation)."""

    def prepare(rows: Rows, score: Doubles) -> ByRidge:
        marks = directions[np.random.default_rng(seed).permutation(rows)[:LANDMARKS]]
        mean = score.mean(axis=0)
        kernel = _kernel(directions[rows], marks)
        squared, pull = (kernel.T @ kernel).astype(np.float64), kernel.T @ (score - mean)
        held = len(rows) * (_kernel(marks, marks) + JITTER * np.eye(len(marks)))

        def fit_with(ridge: float) -> Fitted:
            weights = np.linalg.solve(squared + ridge * held, pull)

            def chances(at: Rows) -> Doubles:
                said = _kernel(directions[at], marks) @ weights + mean
                found: Doubles = np.clip(said, CHANCE_MIN, 1 - CHANCE_MIN)
                return found

            return Fitted(chances, marks.size + weights.size)

        return fit_with

    return lambda rows, score: _best(prepare, KERNEL_RIDGES, rows, score, groups, seed)


def ranks(gain: Doubles) -> Doubles:
    """Return each query's place in an order, 0..1."""
    found: Doubles = (np.argsort(np.argsort(gain, kind="stable"), kind="stable") + 0.5) / len(gain)
    return found


def log_loss(chances: Doubles, score: Doubles) -> float:
    """Return the mean log loss of chances."""
    held = np.clip(chances, CHANCE_MIN, 1 - CHANCE_MIN)
    return float(-(score * np.log(held) + (1 - score) * np.log(1 - held)).mean())


def _best(
    prepare: Callable[[Rows, Doubles], ByRidge],
    ridges: Sequence[float],
    rows: Rows,
    score: Doubles,
    groups: Names,
    seed: int,
) -> Fitted:
    tune = group_parts(groups[rows], seed) < TUNE_SHARE
    by_ridge = prepare(rows[~tune], score[~tune])
    best = min(ridges, key=lambda ridge: log_loss(by_ridge(ridge).chances(rows[tune]), score[tune]))
    return prepare(rows, score)(best)


def _apart(score: Doubles) -> Space:
    """Return a latent space with an axis for each model."""
    mean = np.clip(score.mean(axis=0), CHANCE_MIN, 1 - CHANCE_MIN)
    return Space(np.eye(score.shape[1], dtype=np.float32), np.log(mean / (1 - mean)).astype(np.float32))


def _kernel(one: Floats, other: Floats) -> Floats:
    closeness: Floats = np.exp((one @ other.T - 1) / np.float32(KERNEL_WIDTH))
    return closeness
