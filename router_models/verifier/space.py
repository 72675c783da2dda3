"""The space in which questions are compared: a weight for each word piece and a projection of the static table.

Fitted on labelled pairs: a logistic loss of the cosine, and beside it the question's own duplicate among the others of
its batch (InfoNCE, van den Oord et al. 2018). Some 47,000 numbers learn from as many pairs, so they know those better
than any others: features of training pairs come from spaces that were fitted without them (`cross_fitted`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gateway.core.wordpiece import WordPieces
from router_models.data import DataError, Floats
from router_models.scientific import sparse_rows
from router_models.verifier.pairs import Labels

WIDTH: Final = 128
EPOCHS: Final = 6
BATCH: Final = 256
RATE: Final = 5e-3
WEIGHT_RATE: Final = 3.0
"""Weights of pieces learn so many times as fast as the projection; a piece is in few batches."""
SCALE_RATE: Final = 10.0
SCALE: Final = 12.0
OFFSET: Final = -7.2
"""Where the logistic map of the cosine starts: even odds at 0.6."""
SHARPNESS: Final = 20.0
AMONG_OTHERS: Final = 0.3
"""What the batch's loss counts beside the labels'."""
FREQUENCY_HALF: Final = 3e-3
STATIC: Final = "static.npz"
VOCABULARY: Final = "vocab.txt"
_FADES, _FADES_SQUARED, _LEAST = 0.9, 0.99, 1e-6

Note = Callable[[str], None]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class PieceTable:
    """The static table of a difficulty model: pieces x width, and the SHA-256 of the file that it is in."""

    pieces: WordPieces
    table: Floats
    digest: str


@dataclass(frozen=True, slots=True)
class Space:
    """`weights` has a number for each piece, `projection` is the table's width x `WIDTH`."""

    weights: Floats
    projection: Floats

    def table(self, pieces: PieceTable) -> Floats:
        """Return each piece's vector."""
        return np.asarray((pieces.table * self.weights[:, None]) @ self.projection, np.float32)


@dataclass(slots=True)
class _Moments:
    """What Adam (Kingma and Ba 2015) remembers of one parameter."""

    mean: Floats
    square: Floats

    def step(self, slope: Floats, at: Rows | slice, turn: int) -> Floats:
        self.mean[at] = mean = _FADES * self.mean[at] + (1 - _FADES) * slope
        self.square[at] = square = _FADES_SQUARED * self.square[at] + (1 - _FADES_SQUARED) * slope * slope
        return np.asarray(mean / (1 - _FADES**turn) / (np.sqrt(square) + _LEAST), np.float32)


class _Fit:
    """The parameters under way. Weights are kept as logarithms, so that they stay positive."""

    def __init__(self, table: Floats, logs: Floats, projection: Floats) -> None:
        self.table, self.logs, self.projection = table, logs, projection
        self.map = np.array([SCALE, OFFSET], np.float32)
        self._moments = [_Moments(np.zeros_like(each), np.zeros_like(each)) for each in (logs, projection, self.map)]

    def turn(self, cached: sparse.csr_matrix, asked: sparse.csr_matrix, labels: Labels, rate: float, turn: int) -> None:
        """Take one step on a batch."""
        counts = sparse.vstack([cached, asked]).tocsr()  # type: ignore[no-untyped-call]
        used = np.unique(counts.indices)
        counts, weights = counts[:, used], np.exp(self.logs[used])[:, None]
        pieces = self.table[used]
        projected = pieces @ self.projection
        sums = counts @ (projected * weights)
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.float32(_LEAST))
        vectors = sums / lengths
        slopes, map_slope = _slopes(vectors, labels, self.map)
        outward = (slopes * vectors).sum(axis=1, keepdims=True) * vectors
        of_pieces = counts.T @ ((slopes - outward) / lengths)
        logs_slope = (of_pieces * projected).sum(axis=1) * weights[:, 0]
        whole = slice(None)
        self.logs[used] -= rate * WEIGHT_RATE * self._moments[0].step(logs_slope, used, turn)
        self.projection -= rate * self._moments[1].step(pieces.T @ (of_pieces * weights), whole, turn)
        self.map -= rate * SCALE_RATE * self._moments[2].step(map_slope, whole, turn)


def _slopes(vectors: Floats, labels: Labels, scale: Floats) -> tuple[Floats, Floats]:
    """Return the slope of the loss in each vector, the cached ones first, and in the map of the cosine."""
    half = len(labels)
    cached, asked = vectors[:half], vectors[half:]
    cosines = (cached * asked).sum(axis=1)
    wrong = (1 / (1 + np.exp(-(scale[0] * cosines + scale[1]))) - labels) / half
    slopes = np.concatenate([asked, cached]) * np.tile(scale[0] * wrong, 2)[:, None]
    map_slope = np.array([(wrong * cosines).sum(), wrong.sum()], np.float32)
    same = np.flatnonzero(labels)
    if len(same):
        near = SHARPNESS * (cached[same] @ asked.T)
        share = np.exp(near - near.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        share[np.arange(len(same)), same] -= 1
        share *= SHARPNESS * AMONG_OTHERS / len(same)
        slopes[same] += share @ asked
        slopes[half:] += share.T @ cached[same]
    return slopes.astype(np.float32), map_slope


def learn_space(
    pieces: PieceTable, cached: Sequence[str], asked: Sequence[str], labels: Labels, seed: int, note: Note
) -> Space:
    """Fit a space on labelled pairs."""
    counts = [piece_counts(pieces, texts) for texts in (cached, asked)]
    both = sparse.vstack(counts).tocsr()  # type: ignore[no-untyped-call]
    texts_with = np.asarray((both > 0).sum(axis=0)).ravel() / both.shape[0]
    logs = np.log(FREQUENCY_HALF / (FREQUENCY_HALF + texts_with)).astype(np.float32)
    sums = both @ (pieces.table * np.exp(logs)[:, None])
    sums -= sums.mean(axis=0)
    axes = np.linalg.eigh((sums.T @ sums).astype(np.float64))[1][:, ::-1][:, :WIDTH]
    fit = _Fit(pieces.table, logs, np.ascontiguousarray(axes, np.float32))
    chance = np.random.default_rng(seed)
    turns, turn = EPOCHS * max(len(labels) // BATCH, 1), 0
    for epoch in range(EPOCHS):
        for at in _batches(chance.permutation(len(labels))):
            turn += 1
            rate = RATE * (1 - (turn - 1) / turns)
            fit.turn(counts[0][at], counts[1][at], labels[at], rate, turn)
        note(f"space of questions, epoch {epoch + 1} of {EPOCHS}")
    return Space(np.exp(fit.logs), fit.projection)


def _batches(order: Rows) -> Iterator[Rows]:
    """Yield whole batches; all in one where there are fewer."""
    if len(order) < BATCH:
        yield order
    for start in range(0, len(order) - BATCH + 1, BATCH):
        yield order[start : start + BATCH]


def piece_counts(pieces: PieceTable, texts: Sequence[str]) -> sparse.csr_matrix:
    """Return texts x pieces: how often each piece is in each text."""
    rows = [pieces.pieces.ids(text) for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.intp)
    columns = np.concatenate([*(np.array(row, np.intp) for row in rows), np.zeros(0, np.intp)])
    counts = sparse_rows(np.ones(len(columns), np.float32), columns, ends, len(pieces.table))
    counts.sum_duplicates()  # type: ignore[no-untyped-call]
    return counts


def read_piece_table(artefact: Path) -> PieceTable:
    """Read the static table of a difficulty model's artefact. Raises DataError."""
    static, vocabulary = artefact / STATIC, artefact / VOCABULARY
    for path in (static, vocabulary):
        if not path.is_file():
            raise DataError(f"{path} is not there. Run: python -m router_models train")
    with np.load(static, allow_pickle=False) as file:
        table = file["table"].astype(np.float32) * file["table_unit"][:, None].astype(np.float32)
    pieces = vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return PieceTable(WordPieces(pieces), table, hashlib.sha256(static.read_bytes()).hexdigest())
