"""Vectors of questions and of their words, from the difficulty model's table of word pieces.

The table was made so that like *tasks* lie near to each other; of two questions its mean says little more than that
both are short. So each piece has a weight of its own here, and a projection, both learned from pairs of questions.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from gateway.adapters.static_artefact import StaticModel
from gateway.adapters.verifier_artefact import Floats, VerifierModel

REMEMBERED_WORDS: Final = 16_384
"""Some 8 MB. When there are more all are forgotten: the common ones are back within a few hundred questions."""
PIECES_MAX: Final = 256
"""A text of more is not compared with others."""
EMBEDDING_SCALE: Final = 127
_UNKNOWN: Final = -1


class QuestionVectors:
    """Makes them, and remembers the words'. `name` is the space's: vectors of another cannot be compared."""

    def __init__(self, model: VerifierModel, static: StaticModel, name: str) -> None:
        self.name = name
        self.width: int = model.projection.shape[1]
        self._pieces = static.pieces
        self._table = static.table
        self._unit: Floats = static.table_unit * model.piece_weights
        self._projection = model.projection
        self._rows: dict[str, int] = {}
        self._known: Floats = np.zeros((REMEMBERED_WORDS, self.width), np.float32)
        self._weights = [0.0] * REMEMBERED_WORDS

    def words(self, words: Sequence[str]) -> tuple[Floats, list[float]]:
        """Return the words' vectors, each of length 1 (or 0 for one without pieces), and how much each weighs."""
        rows = [self._rows.get(word, _UNKNOWN) for word in words]
        if _UNKNOWN in rows:
            rows = self._learn(words)
        return self._known.take(rows, axis=0), [self._weights[row] for row in rows]

    async def embed(self, text: str) -> bytes | None:
        """Return int8 numbers in proportion to a text's vector; None for one without, or with too many pieces."""
        vector = self.vector(text)
        return None if vector is None else embedding_of(vector)

    def vector(self, text: str) -> Floats | None:
        """Return a text's vector, of length 1; None for a text without pieces or with too many of them."""
        ids = self._pieces.ids(text)
        if len(ids) > PIECES_MAX:
            return None
        vector, length = self._sum(ids)
        return vector if length > 0.0 else None

    def _learn(self, words: Sequence[str]) -> list[int]:
        """Return the rows of words some of which are new; they have no more of them than is remembered."""
        if len(self._rows) + len(words) > REMEMBERED_WORDS:
            self._rows.clear()
        for word in words:
            if word not in self._rows:
                row = self._rows[word] = len(self._rows)
                self._known[row], self._weights[row] = self._sum(self._pieces.ids(word))
        return [self._rows[word] for word in words]

    def _sum(self, ids: list[int]) -> tuple[Floats, float]:
        """Return the direction and the length of the sum of some pieces' vectors."""
        pieces: Floats = self._unit[ids] @ self._table[ids]
        vector: Floats = pieces @ self._projection
        length = float(np.sqrt(vector @ vector))
        return (vector / np.float32(length) if length > 0.0 else vector), length


def embedding_of(vector: Floats) -> bytes:
    """Return a vector of length 1 as int8 numbers in proportion to it."""
    return np.rint(vector * EMBEDDING_SCALE).astype(np.int8).tobytes()
