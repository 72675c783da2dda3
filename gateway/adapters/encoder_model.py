"""An encoder as its callers see it, whatever runs it; and texts made ready for it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.domain.noun import noun

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

EMBEDDING_SCALE = 127
"""Numbers of an embedding of length 1 lie within ±1, and are kept as int8 in this unit."""


class CannotEncode(Exception):
    """An encoder cannot be had on the device that was asked for. The message says why and how to mend it."""


class EncoderFailed(Exception):
    """A forward pass that should have worked did not."""


class Passed(NamedTuple):
    """What one forward pass says, a row for each text. `familiarity` and `vector` are None where it does not tell."""

    latent: Floats
    embedding: Floats
    familiarity: Floats | None
    vector: Floats | None = None


class EncoderModel(Protocol):
    """A model in memory on one device."""

    @property
    def device(self) -> str:
        """`cuda` or `cpu`."""

    def run(self, ids: Ids, mask: Ids) -> Passed:
        """Pass a batch through, (texts) x (tokens). Raises EncoderFailed."""


@noun
class Encoded:
    """What the encoder says of one text.

    `embedding`, for the cache, and `vector`, in the space of the static table, are of length 1, as int8 numbers in
    units of 1/127. An encoder may tell no vector: it is empty then.
    """

    latent: tuple[float, ...]
    embedding: bytes
    familiarity: float | None
    vector: bytes = b""

    @property
    def place(self) -> bytes:
        """Return what tells where the text lies among others: the vector, or else the embedding."""
        return self.vector or self.embedding


def in_bytes(numbers: Floats) -> NDArray[np.int8]:
    """Return numbers within ±1 as int8."""
    scaled = np.rint(numbers * EMBEDDING_SCALE)
    return np.clip(scaled, -EMBEDDING_SCALE, EMBEDDING_SCALE).astype(np.int8)


def encode_rows(model: EncoderModel, rows: Sequence[Sequence[int]], padding: int) -> list[Encoded]:
    """Encode texts, given as ids, in one pass; shorter ones are padded to the longest. Raises EncoderFailed."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), padding, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for position, row in enumerate(rows):
        ids[position, : len(row)] = row
        mask[position, : len(row)] = 1
    passed = model.run(ids, mask)
    if not np.isfinite(passed.latent).all():
        raise EncoderFailed("the encoder answered with what is no number")
    small = in_bytes(passed.embedding)
    vectors = [b""] * len(rows) if passed.vector is None else [each.tobytes() for each in in_bytes(passed.vector)]
    known: list[float | None] = [None] * len(rows) if passed.familiarity is None else passed.familiarity.tolist()
    latents = passed.latent.tolist()
    return [
        Encoded(tuple(latent), embedding.tobytes(), familiarity, vector)
        for latent, embedding, familiarity, vector in zip(latents, small, known, vectors, strict=True)
    ]
