"""What the static stage reads from an artefact: vectors of word pieces, a second row for each word, and the ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.known_texts import KnownTexts, read_known
from gateway.adapters.npz import read_arrays
from gateway.core.features import SCALAR_NAMES
from gateway.core.wordpiece import WordPieces

STATIC: Final = "static.npz"
VOCABULARY: Final = "vocab.txt"
GROUND_SCALARS: Final = 2
"""The ground reads the first two scalars: the text's length, and its square."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WordShares:
    """What words and shape say to a stage: `rows` is words x K in the order of the folded table, `scalar_weights`
    scalars x K, `offset` K numbers."""

    rows: Floats
    scalar_weights: Floats
    offset: Floats


@dataclass(frozen=True, slots=True)
class StaticModel:
    """K latent numbers, D numbers a vector.

    `beside_encoder` is what words and shape add to an encoder's position, where one was trained. `vector_weights` is
    D x K; `table` is pieces x D, each row in its own `table_unit`. Of the step that near known texts ask, this stage
    goes the share `near_static`, and an encoder's position `near_encoder`. Between `low` and `high` a text's likeness
    to known texts rises from 0 to 1.
    """

    pieces: WordPieces
    words: WordShares
    vector_weights: Floats
    ground_weights: Floats
    ground_offset: Floats
    table: NDArray[np.int8]
    table_unit: Floats
    known: KnownTexts
    near_static: float
    near_encoder: float
    low: float
    high: float
    beside_encoder: WordShares | None


def read_static(raw: bytes, vocabulary: bytes, words: int, latent: int) -> StaticModel:
    """Read the files' bytes. Raises ValueError or KeyError where they do not hold what they should."""
    pieces = vocabulary.decode().removesuffix("\n").split("\n")
    arrays = read_arrays(raw)
    low, high = arrays["band"].tolist()
    near_static, near_encoder = arrays["near"].tolist()
    model = StaticModel(
        pieces=WordPieces(pieces),
        words=_shares(arrays, ""),
        vector_weights=arrays["vector_weights"].astype(np.float32),
        ground_weights=arrays["ground_weights"].astype(np.float32),
        ground_offset=arrays["ground_offset"].astype(np.float32),
        table=np.ascontiguousarray(arrays["table"], dtype=np.int8),
        table_unit=arrays["table_unit"].astype(np.float32),
        known=read_known(arrays),
        near_static=float(near_static),
        near_encoder=float(near_encoder),
        low=float(low),
        high=float(high),
        beside_encoder=_shares(arrays, "encoder_") if "encoder_rows" in arrays else None,
    )
    width = model.table.shape[1]
    for name, found, wanted in (
        *_shapes(model.words, words, latent),
        *(() if model.beside_encoder is None else _shapes(model.beside_encoder, words, latent)),
        ("vector weights", model.vector_weights.shape, (width, latent)),
        ("ground weights", model.ground_weights.shape, (GROUND_SCALARS, latent)),
        ("ground offset", model.ground_offset.shape, (latent,)),
        ("table", model.table.shape, (len(pieces), width)),
        ("table's units", model.table_unit.shape, (len(pieces),)),
        ("known texts", (model.known.vectors.shape[1], len(model.known.step_unit)), (width, latent)),
    ):
        if found != wanted:
            raise ValueError(f"the static stage's {name} are {found}, not {wanted}")
    if not high > low:
        raise ValueError(f"the static stage's band ends at {high}, not above {low}")
    return model


def _shares(arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> WordShares:
    rows, scalars, offset = (arrays[prefix + name].astype(np.float32) for name in ("rows", "scalar_weights", "offset"))
    return WordShares(rows, scalars, offset)


def _shapes(shares: WordShares, words: int, latent: int) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [
        ("rows", shares.rows.shape, (words, latent)),
        ("scalar weights", shares.scalar_weights.shape, (len(SCALAR_NAMES), latent)),
        ("offset", shares.offset.shape, (latent,)),
    ]
