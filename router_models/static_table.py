"""The static table: one short vector per word piece, distilled from the encoder, so that a mean stands in for a pass.

The encoder's own vector of a text is the leading principal components of its three pools (`Space`). The table is fitted
so that the weighted mean of a text's pieces comes as near to that as a sum of pieces can: ridge regression towards each
piece's vector alone, as static embeddings are usually made; here the corpus has the last word. Both stages thus speak
of neighbours in one space. No outcome is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from router_models.data import Floats
from router_models.scientific import sparse_rows

WIDTH: Final = 128
RIDGE: Final = 2e-4
"""Holds a piece's vector to where it started as 2e-4 of all texts would: rare pieces stay, common ones move."""
STEPS: Final = 30
FREQUENCY_HALF: Final = 1e-3
"""A piece that makes up a thousandth of the corpus counts half (smooth inverse frequency, Arora et al. 2017)."""


@dataclass(frozen=True, slots=True)
class Space:
    """Principal components of the encoder's pools: `vector = normalise((pools - centre) @ axes)`."""

    centre: Floats
    axes: Floats

    def vectors(self, pools: Floats) -> Floats:
        """Return texts x `WIDTH` vectors of unit length."""
        return unit(np.asarray((pools - self.centre) @ self.axes, np.float32))


@dataclass(frozen=True, slots=True)
class StaticTable:
    """`table` is pieces x `WIDTH`, the pieces' weights multiplied in."""

    table: Floats

    def vectors(self, pieces: Sequence[NDArray[np.int32]]) -> Floats:
        """Return texts x `WIDTH` vectors of unit length (zero for a text without pieces)."""
        return unit(piece_shares(pieces, len(self.table)) @ self.table)


def unit(rows: Floats) -> Floats:
    """Bring each row to unit length; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def learn_space(pools: Floats) -> Space:
    """Find the axes along which the encoder's pools differ most."""
    centre = pools.mean(axis=0)
    away = (pools - centre).astype(np.float64)
    _, axes = np.linalg.eigh(away.T @ away)
    return Space(centre.astype(np.float32), np.ascontiguousarray(axes[:, ::-1][:, :WIDTH], dtype=np.float32))


def piece_shares(pieces: Sequence[NDArray[np.int32]], vocabulary: int) -> sparse.csr_matrix:
    """Return texts x vocabulary: which part of a text each piece is."""
    ends = np.concatenate([[0], np.cumsum([len(each) for each in pieces])])
    columns = np.concatenate([*pieces, np.zeros(0, np.int32)]).astype(np.intp)
    shares = np.repeat(1.0 / np.maximum(np.diff(ends), 1), np.diff(ends)).astype(np.float32)
    rows = sparse_rows(shares, columns, ends, vocabulary)
    rows.sum_duplicates()  # type: ignore[no-untyped-call]
    return rows


def distil(pieces: Sequence[NDArray[np.int32]], alone: Floats, vectors: Floats) -> StaticTable:
    """Fit the table: `alone` is pieces x `WIDTH`, each piece's vector as the encoder sees it by itself."""
    shares = piece_shares(pieces, len(alone))
    frequency = np.asarray(shares.sum(axis=0)).ravel() / shares.shape[0]  # type: ignore[no-untyped-call]
    weights = (FREQUENCY_HALF / (FREQUENCY_HALF + frequency)).astype(np.float32)
    table = alone * weights[:, None]
    transposed = shares.T.tocsr()
    ridge = RIDGE * shares.shape[0]
    scale = _scale(shares @ table, vectors)
    table = table * scale
    # Conjugate gradients on the normal equations of the change, all columns at once.
    residual = transposed @ (vectors - shares @ table)
    change, direction = np.zeros_like(table), residual.copy()
    size = (residual**2).sum(axis=0)
    for _ in range(STEPS):
        image = transposed @ (shares @ direction) + ridge * direction
        step = size / np.maximum((direction * image).sum(axis=0), np.float32(1e-12))
        change += step * direction
        residual -= step * image
        renewed = (residual**2).sum(axis=0)
        direction = residual + (renewed / np.maximum(size, np.float32(1e-12))) * direction
        size = renewed
    return StaticTable((table + change).astype(np.float32))


def _scale(found: Floats, wanted: Floats) -> np.float32:
    return np.float32((found * wanted).sum() / max(float((found * found).sum()), 1e-12))
