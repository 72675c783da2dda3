"""A question's embedding by the difficulty model's own table of word pieces: no wait, some 60 µs for a question."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.static_artefact import StaticModel
from gateway.core.encoder_text import ENCLOSING, ids_of
from gateway.core.request_text import RequestText
from gateway.domain.classifier import ENCODER_TOKENS

_LARGEST: Final = 127


class StaticEmbedder:
    """Embeds by the mean of a text's pieces. `name` is the model's, with its version."""

    def __init__(self, model: StaticModel, name: str) -> None:
        self.name = name
        self.width: int = model.table.shape[1]
        self._model = model

    async def embed(self, text: str) -> bytes | None:
        """Return int8 numbers in proportion to the embedding; None for a text without pieces, or with too many."""
        ids = ids_of(self._model.pieces, RequestText(text).essence, ENCODER_TOKENS)[1:-1]
        if not ids or len(ids) >= ENCODER_TOKENS - ENCLOSING:
            return None
        return quantised(self._model.table_unit[ids] @ self._model.table[ids])


def quantised(vector: NDArray[np.float32]) -> bytes:
    """Return a vector as int8 numbers, the largest of which is ±127. Raises ValueError where it has no direction."""
    largest = float(np.abs(vector).max())
    if not 0.0 < largest < float("inf"):
        raise ValueError("a vector without a direction")
    numbers: NDArray[np.int8] = np.rint(vector * np.float32(_LARGEST / largest)).astype(np.int8)
    return numbers.tobytes()
