"""What the static stage reads from an artefact: vectors of word pieces, a second row for each word, and the ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.known_texts import Surroundings, read_surroundings
from gateway.adapters.npz import read_arrays
from gateway.core.features import SCALAR_NAMES
from gateway.core.known_texts import ENCODER_NUMBERS
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
    D x K; `table` is pieces x D, each row in its own `table_unit`. `surroundings` are the known texts by this stage's
    vectors, `encoder_surroundings` by the leading numbers of an encoder's, where one was trained.
    """

    pieces: WordPieces
    words: WordShares
    vector_weights: Floats
    ground_weights: Floats
    ground_offset: Floats
    table: NDArray[np.int8]
    table_unit: Floats
    surroundings: Surroundings
    beside_encoder: WordShares | None
    encoder_surroundings: Surroundings | None


def read_static(raw: bytes, vocabulary: bytes, words: int, latent: int) -> StaticModel:
    """Read the files' bytes. Raises ValueError or KeyError where they do not hold what they should."""
    pieces = vocabulary.decode().removesuffix("\n").split("\n")
    arrays = read_arrays(raw)
    has_encoder = "encoder_rows" in arrays
    model = StaticModel(
        pieces=WordPieces(pieces),
        words=_shares(arrays, ""),
        vector_weights=arrays["vector_weights"].astype(np.float32),
        ground_weights=arrays["ground_weights"].astype(np.float32),
        ground_offset=arrays["ground_offset"].astype(np.float32),
        table=np.ascontiguousarray(arrays["table"], dtype=np.int8),
        table_unit=arrays["table_unit"].astype(np.float32),
        surroundings=read_surroundings(arrays),
        beside_encoder=_shares(arrays, "encoder_") if has_encoder else None,
        encoder_surroundings=read_surroundings(arrays, "encoder_") if has_encoder else None,
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
        ("known texts", _widths(model.surroundings), (width, latent)),
        *_encoder_shapes(model.encoder_surroundings, min(ENCODER_NUMBERS, width), latent),
    ):
        if found != wanted:
            raise ValueError(f"the static stage's {name} are {found}, not {wanted}")
    return model


def _encoder_shapes(
    surroundings: Surroundings | None, width: int, latent: int
) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    if surroundings is None:
        return []
    return [("encoder's known texts", _widths(surroundings), (width, latent))]


def _widths(surroundings: Surroundings) -> tuple[int, int]:
    return surroundings.known.vectors.shape[1], len(surroundings.known.step_unit)


def _shares(arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> WordShares:
    rows, scalars, offset = (arrays[prefix + name].astype(np.float32) for name in ("rows", "scalar_weights", "offset"))
    return WordShares(rows, scalars, offset)


def _shapes(shares: WordShares, words: int, latent: int) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [
        ("rows", shares.rows.shape, (words, latent)),
        ("scalar weights", shares.scalar_weights.shape, (len(SCALAR_NAMES), latent)),
        ("offset", shares.offset.shape, (latent,)),
    ]
