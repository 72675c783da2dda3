"""Tells whether one answer does for two questions: alignment of their words, pair features, boosted trees.

A pair of a dozen words each takes 0.1 ms of CPU on a busy core, and all trees together 0.1 ms.
"""

from collections.abc import Sequence

import numpy as np

from gateway.adapters.question_vectors import QuestionVectors
from gateway.adapters.static_artefact import StaticModel
from gateway.adapters.verifier_artefact import VerifierModel
from gateway.core.pair_alignment import align
from gateway.core.pair_features import pair_features
from gateway.core.pair_guards import guards
from gateway.core.question import read_question
from gateway.domain.question import Guard, Judgement, Question, ScoreCounts


class TreeHitVerifier:
    """The verifier of an artefact. `vectors` is the embedder whose cosines it was trained with."""

    def __init__(self, model: VerifierModel, static: StaticModel, digest: str) -> None:
        self.digest = digest
        self.vectors = QuestionVectors(model, static, f"questions {digest[:12]}")
        self._model = model

    @property
    def calibration(self) -> ScoreCounts:
        """Right and wrong by probability, on pairs that it was not fitted on."""
        return self._model.calibration

    def read(self, text: str) -> Question:
        """Parse a text."""
        return read_question(text)

    def judge(self, asked: Question, cached: Sequence[Question], cosines: Sequence[float]) -> tuple[Judgement, ...]:
        """Judge some cached questions together. A question without a word is never answered by another's answer."""
        if not asked.words:
            return tuple(Judgement(0.0, cosine, frozenset()) for cosine in cosines)
        matrix, weights = self.vectors.words(asked.words)
        rows: list[tuple[float, ...]] = []
        found: list[tuple[int, frozenset[Guard]]] = []
        for question, cosine in zip(cached, cosines, strict=True):
            if not question.words:
                found.append((0, frozenset()))
                continue
            pair = align(asked, question)
            cached_matrix, cached_weights = self.vectors.words(question.words)
            likeness = (matrix @ cached_matrix.T).tolist()
            rows.append(pair_features(asked, question, pair, cosine, likeness, weights, cached_weights))
            found.append((len(rows), guards(asked, question, pair)))
        probabilities = [0.0, *self._probabilities(rows)]
        return tuple(
            Judgement(probabilities[at], cosine, differences)
            for (at, differences), cosine in zip(found, cosines, strict=True)
        )

    def _probabilities(self, rows: list[tuple[float, ...]]) -> list[float]:
        if not rows:
            return []
        logits = (
            self._model.slope * self._model.trees.sums(np.array(rows, np.float32).astype(np.float64))
            + self._model.offset
        )
        probabilities: list[float] = (1.0 / (1.0 + np.exp(-logits))).tolist()
        return probabilities
