"""Pairs of texts to matrices of features: by the same code as in serving, but for the vectors of words.

Serving keeps the table as it is shipped and remembers words (`gateway/adapters/question_vectors.py`); here the table is
ready, and a test holds the two together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.core.pair_alignment import align
from gateway.core.pair_features import FEATURE_NAMES, pair_features
from gateway.core.question import read_question
from gateway.domain.question import Question
from router_models.data import Floats
from router_models.verifier.pairs import Pairs
from router_models.verifier.space import PieceTable, Space

Progress = Callable[[int, int], None]
_TOLD_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class _Read:
    question: Question
    words: Floats
    weights: list[float]
    vector: Floats


class Reader:
    """Reads texts in one space, each once."""

    def __init__(self, pieces: PieceTable, space: Space) -> None:
        self._pieces = pieces.pieces
        self._table = space.table(pieces)
        self._words: dict[str, tuple[Floats, float]] = {}
        self._texts: dict[str, _Read] = {}

    def features(self, pairs: Pairs, progress: Progress = lambda done, total: None) -> Floats:
        """Return pairs x features; zeros for a pair in which a text has no word, which is never served."""
        found = np.zeros((len(pairs), len(FEATURE_NAMES)), np.float32)
        for row, (cached_text, asked_text) in enumerate(zip(pairs.cached, pairs.asked, strict=True)):
            cached, asked = self._read(cached_text), self._read(asked_text)
            if cached.question.words and asked.question.words:
                found[row] = pair_features(
                    asked.question,
                    cached.question,
                    align(asked.question, cached.question),
                    float(asked.vector @ cached.vector),
                    (asked.words @ cached.words.T).tolist(),
                    asked.weights,
                    cached.weights,
                )
            if row % _TOLD_EVERY == 0:
                progress(row, len(pairs))
        progress(len(pairs), len(pairs))
        return found

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return texts x width, each of length 1."""
        return np.array([self._read(text).vector for text in texts], np.float32)

    def _read(self, text: str) -> _Read:
        read = self._texts.get(text)
        if read is None:
            question = read_question(text)
            known = [self._words.get(word) or self._learn(word) for word in question.words]
            words = np.array([vector for vector, _ in known], np.float32)
            read = _Read(question, words, [weight for _, weight in known], self._sum(text)[0])
            self._texts[text] = read
        return read

    def _learn(self, word: str) -> tuple[Floats, float]:
        self._words[word] = found = self._sum(word)
        return found

    def _sum(self, text: str) -> tuple[Floats, float]:
        vector = self._table[self._pieces.ids(text)].sum(axis=0)
        length = float(np.sqrt(vector @ vector))
        return (vector / np.float32(length) if length > 0.0 else vector), length
