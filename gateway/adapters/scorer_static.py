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
from gateway.adapters.static_artefact import GROUND_SCALARS, StaticModel, WordShares
from gateway.core.encoder_text import ids_of
from gateway.core.features import TextFeatures
from gateway.core.folded import content_share, word_scale
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.classifier import ENCODER_TOKENS
from gateway.domain.noun import noun

EMBEDDING_SCALE: Final = 127

Floats = NDArray[np.float32]


@noun
class Reading:
    """A text as this stage reads it.

    `content` is where its content puts it, `ground` where its length alone does, and `step` what near known texts ask;
    `share` says how far all but the ground is believed. `vector` is of length 1.
    """

    features: TextFeatures
    content: Floats
    ground: Floats
    step: Floats
    share: float
    vector: Floats

    def settle(self, content: Floats, near: float) -> tuple[float, ...]:
        """Move a position that a text's content was given by a part of the step, and then towards its ground."""
        away = content + np.float32(near) * self.step - self.ground
        settled: list[float] = (self.ground + np.float32(self.share) * away).tolist()
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
        reading = self._read(text)
        if reading is None:
            return before
        return replace(
            before,
            latent=reading.settle(reading.content, self._model.near_static),
            scorer=self._name,
            outcome=ClassifierOutcome.STATIC,
            spread=self._spread,
            embedding=reading.embedding,
        )

    def settle(self, text: RequestText, score: Score) -> Score:
        """Join an encoder's position with what words and shape say, and move it as one of this stage would be.

        The embedding becomes this stage's: labels near a request are found by one kind, whichever stage scored it.
        """
        reading, beside = self._read(text), self._model.beside_encoder
        if reading is None or beside is None:
            return score
        content = np.array(score.latent, np.float32) + self._words_say(beside, reading.features)
        settled = reading.settle(content, self._model.near_encoder)
        return replace(score, latent=settled, embedding=reading.embedding)

    def _read(self, text: RequestText) -> Reading | None:
        model, features = self._model, text.features
        ids = ids_of(self._pieces, text.essence, ENCODER_TOKENS)[1:-1]
        if not ids or not features.words:
            return None
        vector: Floats = model.table_unit[ids] @ model.table[ids]
        length = float(np.sqrt(vector @ vector))
        if length == 0.0:
            return None
        vector = vector / np.float32(length)
        likeness, step = model.known.near(vector)
        share = content_share(likeness, model.low, model.high)
        shape = np.array(features.scalars[:GROUND_SCALARS], np.float32)
        content = self._words_say(model.words, features) + vector @ model.vector_weights
        ground = shape @ model.ground_weights + model.ground_offset
        return Reading(features, content, ground, step, share, vector)

    def _words_say(self, shares: WordShares, features: TextFeatures) -> Floats:
        said: Floats = np.array(features.scalars, np.float32) @ shares.scalar_weights + shares.offset
        known = [row for word in features.words if (row := self._row(word)) is not None]
        if known:
            said = said + shares.rows[known].sum(axis=0) * np.float32(
                word_scale(float(self._squared_weights[known].sum()))
            )
        return said
