"""Turn texts into the matrices a model is fitted on, with the feature code that serving uses."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gateway.core.features import TextFeatures, extract
from gateway.core.folded import familiarity, word_scale
from router_models.data import Floats, Mask
from router_models.scientific import scaled_rows, sparse_rows, squared_lengths

LEAST_QUERIES_PER_WORD: Final = 3
"""A word in fewer training queries says more about those queries than about difficulty."""

LEAST_SPREAD: Final = 1e-3
"""Of a scalar; all of them run from about 0 to a few units."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words a model knows, with their weights (inverse document frequency), and the spread of the scalars."""

    words: tuple[bytes, ...]
    weights: Floats
    scalar_mean: Floats
    scalar_spread: Floats


@dataclass(frozen=True, slots=True)
class Design:
    """Features of some texts under one vocabulary.

    `words` has rows of at most unit length, `scalars` are standardised, `familiarity` is 0..1 for a single turn.
    """

    words: sparse.csr_matrix
    scalars: Floats
    familiarity: Floats

    def rows(self, mask: Mask) -> "Design":
        """Return the features of some of the texts."""
        at = np.flatnonzero(mask)
        return Design(self.words[at], self.scalars[at], self.familiarity[at])


def extract_all(prompts: Iterable[str]) -> list[TextFeatures]:
    """Return the features of each prompt, as a first turn."""
    return [extract(prompt) for prompt in prompts]


def learn_vocabulary(features: Sequence[TextFeatures], training: Mask) -> Vocabulary:
    """Choose words and weights from the training texts only."""
    chosen = [each for each, used in zip(features, training, strict=True) if used]
    counts = Counter(word for each in chosen for word in each.words)
    words = tuple(sorted(word for word, count in counts.items() if count >= LEAST_QUERIES_PER_WORD))
    seen_in = np.array([counts[word] for word in words], np.float64)
    weights = np.log((1 + len(chosen)) / (1 + seen_in)) + 1
    scalars = np.array([each.scalars for each in chosen], np.float32)
    # A scalar that hardly varies in training must not explode at serving: its spread counts as one.
    spread = scalars.std(axis=0)
    spread[spread < LEAST_SPREAD] = 1.0
    return Vocabulary(words, weights.astype(np.float32), scalars.mean(axis=0), spread)


def build_design(features: Sequence[TextFeatures], vocabulary: Vocabulary) -> Design:
    """Lay out the features of texts for a vocabulary."""
    position = {word: column for column, word in enumerate(vocabulary.words)}
    columns: list[int] = []
    ends = [0]
    for each in features:
        columns += sorted(position[word] for word in each.words if word in position)
        ends.append(len(columns))
    at: NDArray[np.intp] = np.array(columns, np.intp)
    raw = sparse_rows(vocabulary.weights[at], at, np.array(ends), len(vocabulary.words))
    scales = [word_scale(float(squared)) for squared in squared_lengths(raw)]
    words = scaled_rows(raw, np.array(scales, np.float32))
    scalars = np.array([each.scalars for each in features], np.float32)
    known = np.diff(ends)
    shares = [familiarity(float(count), len(each.words), 1) for count, each in zip(known, features, strict=True)]
    standardised = (scalars - vocabulary.scalar_mean) / vocabulary.scalar_spread
    return Design(words, standardised.astype(np.float32), np.array(shares, np.float32))
