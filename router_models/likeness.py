"""How like a text is to what the router was trained on: its mean cosine with the nearest of a sample of those texts."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from router_models.data import Floats

SAMPLE: Final = 4096
"""Training texts kept to compare with: 4096 x 128 numbers are half a megabyte as int8, and 0.1 ms to look through."""
NEAREST: Final = 3
"""Of the nearest, so many are averaged: about twenty of all training texts, so one odd neighbour decides nothing."""
HIGH_QUANTILE: Final = 0.25
WIDTH: Final = 0.12
"""Content is believed in full from the lower quartile of unseen texts of known kinds, and least `WIDTH` below it. Of
the bands tried, the best out of domain that costs less than 0.01 APGR in domain."""
CHUNK: Final = 4096


@dataclass(frozen=True, slots=True)
class Likeness:
    """`sample` is texts x width, of unit length."""

    sample: Floats
    low: float
    high: float

    def of(self, vectors: Floats) -> Floats:
        """Return each text's likeness."""
        found = np.zeros(len(vectors), np.float32)
        for start in range(0, len(vectors), CHUNK):
            cosines = vectors[start : start + CHUNK] @ self.sample.T
            nearest: Floats = -np.partition(-cosines, NEAREST - 1, axis=1)[:, :NEAREST]
            found[start : start + CHUNK] = nearest.mean(axis=1)
        return found

    def share(self, vectors: Floats, least: float) -> Floats:
        """Return how far content is believed: `least` for the unlike, 1 for the like."""
        rise = np.clip((self.of(vectors) - self.low) / (self.high - self.low), 0, 1)
        share: Floats = (least + (1 - least) * rise).astype(np.float32)
        return share


def learn_likeness(fitted: Floats, unseen: Floats, seed: int) -> Likeness:
    """Draw the sample, and set the band by texts of known kinds that are not in it."""
    drawn = np.random.default_rng(seed).permutation(len(fitted))[:SAMPLE]
    plain = Likeness(np.ascontiguousarray(fitted[drawn]), 0.0, 1.0)
    high = float(np.quantile(plain.of(unseen), HIGH_QUANTILE))
    return Likeness(plain.sample, high - WIDTH, high)
