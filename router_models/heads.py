"""Cheaper stages in a latent space that is already there: with the abilities fixed, only the text's side is fitted.

For stage features x, z = x P and logits z A' + b with A and b given, so the loss is convex, and the numbers of every
stage mean the same.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from router_models.data import Floats, Mask
from router_models.low_rank import Settings, outcome_weights
from router_models.scientific import Doubles, least, logistic


@dataclass(frozen=True, slots=True)
class Space:
    """The references' side: `loadings` is models x K, `intercepts` models."""

    loadings: Floats
    intercepts: Floats

    def logits(self, latent: Floats) -> Doubles:
        """Return texts x models log odds of an acceptable answer."""
        found: Doubles = (latent @ self.loadings.T + self.intercepts).astype(np.float64)
        return found

    def slopes(self, latent: Doubles) -> Doubles:
        """Return the same without the intercepts, which positions add to as far as they are gone."""
        found: Doubles = latent @ self.loadings.T.astype(np.float64)
        return found


@dataclass(frozen=True, slots=True)
class Head:
    """A linear map to the latent space from words (V x K; none: 0 x K) and dense features (D x K)."""

    words: Floats
    dense: Floats

    def latent(self, words: sparse.csr_matrix | None, dense: Floats) -> Floats:
        """Return texts x K."""
        position: Floats = dense @ self.dense
        if words is not None and len(self.words):
            position = position + words @ self.words
        return position.astype(np.float32)


def fit_head(
    words: sparse.csr_matrix | None,
    dense: Floats,
    score: Floats,
    seen: Mask,
    space: Space,
    settings: Settings,
    *,
    dense_ridge: float | None = None,
) -> Head:
    """Fit one stage's map by L-BFGS from zero; the same inputs give the same head.

    `dense_ridge` takes the place of that of the settings.
    """
    held = settings.dense_ridge if dense_ridge is None else dense_ridge
    weights = outcome_weights(seen, settings.crowding)
    latent = space.loadings.shape[1]
    vocabulary = 0 if words is None else words.shape[1]
    transposed = None if words is None else words.T.tocsr()
    cut = vocabulary * latent

    def unpack(flat: Doubles) -> Head:
        near = flat.astype(np.float32)
        return Head(near[:cut].reshape(-1, latent), near[cut:].reshape(-1, latent))

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        head = unpack(flat)
        logits = head.latent(words, dense) @ space.loadings.T + space.intercepts
        error = weights * (logistic(logits).astype(np.float32) - score)
        value = float((weights * (np.logaddexp(0, logits) - score * logits)).sum(dtype=np.float64))
        pull = error @ space.loadings
        slope = dense.T @ pull + held * head.dense
        ridge = 0.5 * held * float((head.dense**2).sum())
        slopes = [slope.ravel()]
        if transposed is not None:
            slopes.insert(0, (transposed @ pull + settings.word_ridge * head.words).ravel())
            ridge += 0.5 * settings.word_ridge * float((head.words**2).sum())
        return value + ridge, np.concatenate(slopes).astype(np.float64)

    start: Doubles = np.zeros(cut + dense.shape[1] * latent)
    return unpack(least(loss, start, iterations=settings.iterations))
