"""The model: a low-rank item-response model whose item side is linear in the text's features.

For a text x with words w(x) and scalars s(x), z = W'w(x) + U's(x) holds K numbers, and model m answers acceptably with
probability sigmoid(b_m + a_m . z). All of W, U, a and b are fitted together by L-BFGS on the weighted log loss over the
observed outcomes, with a ridge on W, U, and on the distance of each a_m from their mean: a model seen on few queries
leans on what models have in common.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.data import Floats, Mask
from router_models.design import Design
from router_models.scientific import least, logistic

SEED: Final = 20_26


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen on the validation split.

    `crowding` takes from queries that many models answered: each outcome weighs n^-crowding, n the query's outcomes,
    since the outcomes of one query are no independent witnesses.
    """

    latent: int = 8
    word_ridge: float = 1e-3
    scalar_ridge: float = 1e-4
    loading_ridge: float = 1e-3
    mean_loading_ridge: float = 1e-3
    dense_ridge: float = 1e-4
    crowding: float = 0.7
    iterations: int = 200

    def held(self, times: float) -> "Settings":
        """Return the same with every ridge so many times as strong."""
        return replace(
            self,
            word_ridge=self.word_ridge * times,
            scalar_ridge=self.scalar_ridge * times,
            loading_ridge=self.loading_ridge * times,
            mean_loading_ridge=self.mean_loading_ridge * times,
            dense_ridge=self.dense_ridge * times,
        )


INTERCEPT_RIDGE: Final = 1e-6
"""Only fixes what the data leave open."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LowRank:
    """A fitted model: words x K, scalars x K, models x K, models."""

    words: Floats
    scalars: Floats
    loadings: Floats
    intercepts: Floats

    def latent(self, design: Design) -> Floats:
        """Return the latent positions of texts, K numbers each."""
        position: Floats = design.words @ self.words + design.scalars @ self.scalars
        return position

    def logits(self, design: Design) -> Floats:
        """Return texts x models log odds of an acceptable answer."""
        return self.latent(design) @ self.loadings.T + self.intercepts


def outcome_weights(seen: Mask, crowding: float) -> Floats:
    """Return the weight of each outcome; they sum to one."""
    per_query = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    weights = seen * per_query.astype(np.float64) ** -crowding
    scaled: Floats = (weights / weights.sum()).astype(np.float32)
    return scaled


def fit(
    design: Design, score: Floats, seen: Mask, settings: Settings, *, seed: int = SEED, progress: Progress | None = None
) -> LowRank:
    """Fit a model to the outcomes of some texts. The same inputs and seed give the same model."""
    weights = outcome_weights(seen, settings.crowding)
    sizes = (design.words.shape[1], design.scalars.shape[1], score.shape[1])
    start = _start(sizes, settings.latent, score, seen, seed)
    ends = np.cumsum([sizes[0] * settings.latent, sizes[1] * settings.latent, sizes[2] * settings.latent])
    transposed = design.words.T.tocsr()
    done = 0

    def unpack(flat: NDArray[np.float64]) -> LowRank:
        words, scalars, loadings, intercepts = np.split(flat.astype(np.float32), ends)
        shape = (-1, settings.latent)
        return LowRank(words.reshape(shape), scalars.reshape(shape), loadings.reshape(shape), intercepts)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        model = unpack(flat)
        latent = model.latent(design)
        logits = latent @ model.loadings.T + model.intercepts
        error = weights * (logistic(logits).astype(np.float32) - score)
        value = float((weights * (np.logaddexp(0, logits) - score * logits)).sum(dtype=np.float64))
        pull = error @ model.loadings
        ridge, ridge_slopes = _ridge(model, settings)
        slopes = (transposed @ pull, design.scalars.T @ pull, error.T @ latent, error.sum(axis=0))
        flat_slopes = [(own + extra).ravel() for own, extra in zip(slopes, ridge_slopes, strict=True)]
        return value + ridge, np.concatenate(flat_slopes).astype(np.float64)

    def step(_: NDArray[np.float64]) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, settings.iterations)

    return unpack(least(loss, start, iterations=settings.iterations, after_each=step))


def _start(sizes: tuple[int, int, int], latent: int, score: Floats, seen: Mask, seed: int) -> NDArray[np.float64]:
    chance = np.random.default_rng(seed)
    words, scalars, models = sizes
    mean = np.clip((score * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1), 0.02, 0.98)
    # The first axis starts as what all models share: some queries are harder for everyone.
    loadings = chance.normal(0, 0.1, (models, latent)) + np.eye(1, latent)
    parts = (
        chance.normal(0, 0.05, words * latent),
        chance.normal(0, 0.05, scalars * latent),
        loadings.ravel(),
        np.log(mean / (1 - mean)),
    )
    return np.concatenate(parts).astype(np.float64)


def _ridge(model: LowRank, settings: Settings) -> tuple[float, tuple[Floats, Floats, Floats, Floats]]:
    mean = model.loadings.mean(axis=0)
    apart = model.loadings - mean
    level = model.intercepts - model.intercepts.mean()
    value = 0.5 * (
        settings.word_ridge * float((model.words**2).sum(dtype=np.float64))
        + settings.scalar_ridge * float((model.scalars**2).sum())
        + settings.loading_ridge * float((apart**2).sum())
        + settings.mean_loading_ridge * float((mean**2).sum())
        + INTERCEPT_RIDGE * float((level**2).sum())
    )
    slopes = (
        settings.word_ridge * model.words,
        settings.scalar_ridge * model.scalars,
        settings.loading_ridge * apart + settings.mean_loading_ridge * mean / len(model.loadings),
        INTERCEPT_RIDGE * level,
    )
    return value, slopes
