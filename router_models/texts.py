"""Everything that is read of the queries' texts before any outcome is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.encoder_text import encoder_ids
from gateway.core.features import TextFeatures
from gateway.core.wordpiece import PADDING, WordPieces
from gateway.domain.classifier import ENCODER_TOKENS
from router_models.data import Floats
from router_models.design import extract_all
from router_models.embed import embed
from router_models.encoder_graph import pools_graph
from router_models.encoder_run import EncoderRun, padded
from router_models.encoder_weights import EncoderWeights
from router_models.static_table import Space, StaticTable, distil, learn_space

LEAST_SCALE: Final = 1e-3
"""A pool's number that hardly varies must not explode; those that vary do so by 0.02 to 0.05."""
PIECES_AT_ONCE: Final = 1024

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Texts:
    """Features of each text, in the order of the queries.

    `static` is texts x 128, the static table's vectors; `vectors` the same from the encoder; `pools` texts x 1152, the
    encoder's three pools, standardised. Without the encoder the last two have no columns.
    """

    features: list[TextFeatures]
    static: Floats
    vectors: Floats
    pools: Floats

    @property
    def has_encoder(self) -> bool:
        """Tell whether the encoder has read the texts."""
        return bool(self.pools.shape[1])


@dataclass(frozen=True, slots=True)
class Reader:
    """How texts become numbers: the static table, and what stands between the encoder's pools and its heads."""

    vocabulary: tuple[str, ...]
    table: StaticTable
    space: Space
    mean: Floats
    scale: Floats

    def read(self, prompts: Sequence[str], pools: Floats | None) -> Texts:
        """Read texts; `pools` are the encoder's, as `embed` gives them, None where it is not at hand."""
        static = self.table.vectors(piece_ids(self.vocabulary, prompts))
        if pools is None:
            nothing = np.zeros((len(prompts), 0), np.float32)
            return Texts(extract_all(prompts), static, nothing, nothing)
        standardised = ((pools - self.mean) / self.scale).astype(np.float32)
        return Texts(extract_all(prompts), static, self.space.vectors(pools), standardised)


def piece_ids(vocabulary: Sequence[str], prompts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Cut texts into pieces, as the encoder reads them but for the enclosing ones."""
    pieces = WordPieces(vocabulary).mending()
    return [np.array(encoder_ids(pieces, prompt, "", ENCODER_TOKENS)[1:-1], np.int32) for prompt in prompts]


def learn_reader(prompts: Sequence[str], pools: Floats, weights: EncoderWeights) -> Reader:
    """Learn the space of vectors and the static table from texts and the encoder's pools of them."""
    space = learn_space(pools)
    alone = space.vectors(_pieces_alone(weights))
    table = distil(piece_ids(weights.vocabulary, prompts), alone, space.vectors(pools))
    scale: Floats = np.maximum(pools.std(axis=0), LEAST_SCALE).astype(np.float32)
    return Reader(weights.vocabulary, table, space, pools.mean(axis=0).astype(np.float32), scale)


def read_pools(
    prompts: Sequence[str], weights: EncoderWeights, cache: Path | None = None, progress: Progress | None = None
) -> Floats:
    """Return texts x 1152 pools, from the cache as far as they are there: a first reading takes minutes."""
    found = embed(prompts, weights, cache, progress=progress or (lambda done, total: None))
    return found.astype(np.float32)


def _pieces_alone(weights: EncoderWeights) -> Floats:
    """Return pieces x 1152, the pools of each piece as a text of its own."""
    pieces = WordPieces(weights.vocabulary)
    padding = weights.vocabulary.index(PADDING)
    model = EncoderRun(pools_graph(weights).SerializeToString())
    found: list[Floats] = []
    for start in range(0, len(weights.vocabulary), PIECES_AT_ONCE):
        ids = range(start, min(start + PIECES_AT_ONCE, len(weights.vocabulary)))
        found += model.run(padded([[pieces.first, each, pieces.last] for each in ids], padding))
    return np.concatenate(found)
