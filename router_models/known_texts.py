"""The texts whose outcomes are known, as neighbours of others: how like a text is to them, and what they ask of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.core.known_texts import KNOWN_DOUBT, KNOWN_NEAREST, LIKE_NEAREST
from gateway.core.neighbours import COSINE_FROM
from router_models.data import Floats, Mask
from router_models.heads import Space
from router_models.scientific import Doubles, logistic

STEP_RIDGE: Final = 1.0
"""Holds a text's own step: positions have deviation 1 over the training texts."""
HIGH_QUANTILE: Final = 0.25
WIDTH: Final = 0.12
"""Content is believed in full from the lower quartile of unseen texts of known kinds, and least `WIDTH` below it."""
CHUNK: Final = 1024


@dataclass(frozen=True, slots=True)
class Near:
    """What lies near some texts: their likeness, and the step that it asks, texts x K."""

    likeness: Floats
    step: Floats


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """`vectors` is texts x width, of unit length; `steps` is texts x K."""

    vectors: Floats
    steps: Floats
    low: float
    high: float

    def near(self, vectors: Floats) -> Near:
        """Look up what lies near each of some texts. None of them may be among the known ones."""
        likeness = np.zeros(len(vectors), np.float32)
        step = np.zeros((len(vectors), self.steps.shape[1]), np.float32)
        count = min(KNOWN_NEAREST, len(self.vectors))
        for start in range(0, len(vectors), CHUNK):
            part = slice(start, start + CHUNK)
            cosines = vectors[part] @ self.vectors.T
            at = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
            nearest = np.take_along_axis(cosines, at, axis=1)
            likeness[part] = -np.sort(-nearest, axis=1)[:, :LIKE_NEAREST].mean(axis=1)
            weights = np.maximum((nearest - COSINE_FROM) / (1 - COSINE_FROM), 0) ** 2
            asked = np.einsum("nk,nkj->nj", weights, self.steps[at])
            step[part] = asked / (weights.sum(axis=1, keepdims=True) + KNOWN_DOUBT)
        return Near(likeness, step)

    def rise(self, likeness: Floats) -> Floats:
        """Return where likeness lies in its band: 0 for the unlike, 1 for the like."""
        risen: Floats = np.clip((likeness - self.low) / (self.high - self.low), 0, 1).astype(np.float32)
        return risen


def learn_known(vectors: Floats, steps: Floats, unseen: Floats) -> KnownTexts:
    """Keep the known texts, and set the band of likeness by texts of the same kinds that are not among them."""
    plain = KnownTexts(np.ascontiguousarray(vectors), steps, 0.0, 1.0)
    high = float(np.quantile(plain.near(unseen).likeness, HIGH_QUANTILE))
    return KnownTexts(plain.vectors, steps, high - WIDTH, high)


def newton_steps(latent: Floats, space: Space, score: Floats, seen: Mask) -> Floats:
    """Return the step that each text's outcomes ask of its position: one Newton step, held by a ridge."""
    loadings = space.loadings.astype(np.float64)
    chance = logistic(space.logits(latent))
    pull: Doubles = ((score - chance) * seen) @ loadings
    width = loadings.shape[1]
    pairs = np.einsum("mk,ml->mkl", loadings, loadings).reshape(len(loadings), -1)
    curvature = ((chance * (1 - chance) * seen) @ pairs).reshape(-1, width, width)
    steps = np.linalg.solve(curvature + STEP_RIDGE * np.eye(width), pull[:, :, None])[:, :, 0]
    return np.asarray(steps, np.float32)
