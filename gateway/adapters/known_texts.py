"""The texts whose outcomes are known, in memory: which of them lie near a request, and what they say of it.

They lie cell by cell, and of the cells only those whose centres are nearest are looked through: with 26,000 texts of
128 numbers some 0.2 ms, where a product with all of them has 13 MB to widen and read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.folded import content_share, likeness_rise
from gateway.core.known_texts import KNOWN_DOUBT, KNOWN_NEAREST, LIKE_NEAREST
from gateway.core.neighbours import COSINE_FROM

LOOKED_THROUGH: Final = 12
"""Cells: nine of ten of the 64 nearest texts are in them."""

Floats = NDArray[np.float32]
_NAMES: Final = ("centres", "starts", "vectors", "vector_unit", "steps", "step_unit")


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """`centres` is cells x D, of unit length; `starts` cells + 1 rows; `vectors` texts x D and `steps` texts x K, each
    vector in its own `vector_unit`, the steps' columns in `step_unit`."""

    centres: Floats
    starts: tuple[int, ...]
    vectors: NDArray[np.int8]
    vector_unit: Floats
    steps: NDArray[np.int8]
    step_unit: Floats

    def near(self, vector: Floats) -> tuple[float, Floats]:
        """Return how like a vector of unit length is to what is known, and the step that the nearest ask, K numbers."""
        closeness = self.centres @ vector
        count = min(LOOKED_THROUGH, len(closeness))
        cells = np.argpartition(closeness, len(closeness) - count)[-count:].tolist()
        parts = [slice(self.starts[cell], self.starts[cell + 1]) for cell in cells]
        rows = np.concatenate([self.vectors[part] for part in parts]).astype(np.float32)
        cosines = (rows @ vector) * np.concatenate([self.vector_unit[part] for part in parts])
        nearest = np.argpartition(cosines, max(len(cosines) - KNOWN_NEAREST, 0))[-KNOWN_NEAREST:]
        found = cosines[nearest]
        likeness = float(np.sort(found)[-LIKE_NEAREST:].mean())
        weights = np.square(np.maximum((found - np.float32(COSINE_FROM)) / np.float32(1.0 - COSINE_FROM), 0.0))
        steps = np.concatenate([self.steps[part] for part in parts])[nearest].astype(np.float32)
        asked: Floats = (weights @ steps) * (self.step_unit / np.float32(float(weights.sum()) + KNOWN_DOUBT))
        return likeness, asked


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What known texts say to a stage that looks among them by its vectors.

    Of the step that they ask the stage goes the share `near`. Between `low` and `high` a text's likeness to them rises
    from 0 to 1.
    """

    known: KnownTexts
    near: float
    low: float
    high: float

    def around(self, vector: Floats) -> tuple[np.float32, Floats]:
        """Return how far the content of a text with this vector is believed, and the step that it is moved by."""
        likeness, step = self.known.near(vector)
        rise = likeness_rise(likeness, self.low, self.high)
        return np.float32(content_share(rise)), step * np.float32(rise * self.near)


def read_surroundings(arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Surroundings:
    """Take those of a stage from an artefact's arrays. Raises KeyError or ValueError."""
    low, high, near = arrays[f"{prefix}band"].tolist()
    if not high > low:
        raise ValueError(f"the {prefix}band of likeness ends at {high}, not above {low}")
    return Surroundings(read_known(arrays, prefix), float(near), float(low), float(high))


def read_known(arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> KnownTexts:
    """Take them from an artefact's arrays. Raises KeyError or ValueError where those do not fit each other."""
    kept = {name: arrays[f"{prefix}known_{name}"] for name in _NAMES}
    known = KnownTexts(
        centres=np.ascontiguousarray(kept["centres"], dtype=np.float32),
        starts=tuple(kept["starts"].tolist()),
        vectors=np.ascontiguousarray(kept["vectors"], dtype=np.int8),
        vector_unit=kept["vector_unit"].astype(np.float32),
        steps=np.ascontiguousarray(kept["steps"], dtype=np.int8),
        step_unit=kept["step_unit"].astype(np.float32),
    )
    texts, width = known.vectors.shape
    for name, found, wanted in (
        ("centres", known.centres.shape, (len(known.starts) - 1, width)),
        ("vectors' units", known.vector_unit.shape, (texts,)),
        ("steps", known.steps.shape, (texts, len(known.step_unit))),
    ):
        if found != wanted:
            raise ValueError(f"the known texts' {name} are {found}, not {wanted}")
    if known.starts[0] != 0 or known.starts[-1] != texts or list(known.starts) != sorted(set(known.starts)):
        raise ValueError("the known texts' cells do not follow each other")
    return known
