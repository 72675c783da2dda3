"""The static stage: the mean of a text's word pieces beside its words, and how like it is to what was trained on.

The texts nearest to it whose outcomes are known move it further, and a text that is unlike all of those is moved
towards its ground, what its length alone says. The encoder's position, which knows no better what it has not seen, is
moved likewise.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.artefact import FoldedTable
from gateway.adapters.known_texts import Surroundings
from gateway.adapters.static_artefact import GROUND_SCALARS, StaticModel, WordShares
from gateway.core.encoder_text import ids_of
from gateway.core.features import TextFeatures
from gateway.core.folded import word_scale
from gateway.core.known_texts import ENCODER_NUMBERS
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.classifier import ENCODER_TOKENS
from gateway.domain.noun import noun

EMBEDDING_SCALE: Final = 127

Floats = NDArray[np.float32]


@noun
class Reading:
    """A text as this stage reads it.

    `ground` is where its length alone puts it. `vector` is of length 1.
    """

    features: TextFeatures
    ground: Floats
    vector: Floats

    def settle(self, content: Floats, surroundings: Surroundings, vector: Floats) -> tuple[float, ...]:
        """Move a position that a text's content was given towards its ground, and by what known texts ask near it."""
        share, step = surroundings.around(vector)
        settled: list[float] = (self.ground + share * (content - self.ground) + step).tolist()
        return tuple(settled)

    @property
    def embedding(self) -> bytes:
        """Return the vector as int8 numbers in units of 1/127."""
        return np.rint(self.vector * EMBEDDING_SCALE).astype(np.int8).tobytes()


class StaticScorer:
    """Betters a folded score in well under a millisecond."""

    def __init__(self, model: StaticModel, table: FoldedTable, spread: tuple[float, ...] = ()) -> None:
        """`spread` is what an encoder adds to a score of this stage, empty when there is none."""
        self._model = model
        self._pieces = model.pieces.mending()
        self._row = {word: row for row, word in enumerate(table.rows)}.get
        squared = [np.frombuffer(row, np.float32)[table.latent] for row in table.rows.values()]
        self._squared_weights: Floats = np.array(squared, np.float32)
        self._name = table.scorer
        self._spread = spread

    def score(self, text: RequestText, before: Score) -> Score:
        """Return the better score; of a text without pieces, the one before."""
        reading, model = self._read(text), self._model
        if reading is None:
            return before
        content = self._words_say(model.words, reading.features) + reading.vector @ model.vector_weights
        return replace(
            before,
            latent=reading.settle(content, model.surroundings, reading.vector),
            scorer=self._name,
            outcome=ClassifierOutcome.STATIC,
            spread=self._spread,
            embedding=reading.embedding,
        )

    def settle(self, text: RequestText, score: Score) -> Score:
        """Join an encoder's position with what words and shape say, and move it as one of this stage would be.

        What is near it the encoder's own vector tells, or this stage's where the encoder tells none. The embedding
        becomes this stage's: labels near a request are found by one kind, whichever stage scored it.
        """
        reading, beside = self._read(text), self._model.beside_encoder
        if reading is None or beside is None:
            return score
        content = np.array(score.latent, np.float32) + self._words_say(beside, reading.features)
        own = self._own_vector(score.embedding)
        if own is None:
            settled = reading.settle(content, self._model.surroundings, reading.vector)
        else:
            settled = reading.settle(content, *own)
        return replace(score, latent=settled, embedding=reading.embedding)

    def _own_vector(self, embedding: bytes) -> tuple[Surroundings, Floats] | None:
        """Return the leading numbers of an encoder's vector, of length 1, with the known texts by such vectors."""
        surroundings = self._model.encoder_surroundings
        if surroundings is None or len(embedding) != self._model.table.shape[1]:
            return None
        leading = np.frombuffer(embedding, np.int8)[:ENCODER_NUMBERS].astype(np.float32)
        length = float(np.sqrt(leading @ leading))
        return None if length == 0.0 else (surroundings, leading / np.float32(length))

    def _read(self, text: RequestText) -> Reading | None:
        model, features = self._model, text.features
        ids = ids_of(self._pieces, text.essence, ENCODER_TOKENS)[1:-1]
        if not ids or not features.words:
            return None
        vector: Floats = model.table_unit[ids] @ model.table[ids]
        length = float(np.sqrt(vector @ vector))
        if length == 0.0:
            return None
        shape = np.array(features.scalars[:GROUND_SCALARS], np.float32)
        ground = shape @ model.ground_weights + model.ground_offset
        return Reading(features, ground, vector / np.float32(length))

    def _words_say(self, shares: WordShares, features: TextFeatures) -> Floats:
        said: Floats = np.array(features.scalars, np.float32) @ shares.scalar_weights + shares.offset
        known = [row for word in features.words if (row := self._row(word)) is not None]
        if known:
            said = said + shares.rows[known].sum(axis=0) * np.float32(
                word_scale(float(self._squared_weights[known].sum()))
            )
        return said
