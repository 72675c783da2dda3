"""Put vectors into cells, so that a search looks through the cells near to what is sought and not through all."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.data import Floats
from router_models.static_table import unit

ROWS_PER_CELL: Final = 256
ROUNDS: Final = 12


@dataclass(frozen=True, slots=True)
class Cells:
    """`order` puts the rows cell by cell, `starts` says where each cell begins, and where the last one ends."""

    centres: Floats
    order: NDArray[np.intp]
    starts: NDArray[np.int32]


def cells_of(vectors: Floats, seed: int) -> Cells:
    """Group vectors of unit length around centres (spherical k-means); cells that end up empty are left out."""
    count = max(1, len(vectors) // ROWS_PER_CELL)
    centres = vectors[np.random.default_rng(seed).permutation(len(vectors))[:count]]
    for _ in range(ROUNDS):
        nearest = np.argmax(vectors @ centres.T, axis=1)
        sums = np.zeros((len(centres), vectors.shape[1]), np.float32)
        np.add.at(sums, nearest, vectors)
        centres = unit(sums[np.unique(nearest)])
    nearest = np.argmax(vectors @ centres.T, axis=1)
    counts = np.bincount(nearest, minlength=len(centres))
    kept = counts > 0
    order = np.argsort(nearest, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int32)
    return Cells(centres[kept], order, starts)
