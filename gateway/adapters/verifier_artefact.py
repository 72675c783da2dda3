"""What the verifier of semantic hits reads from an artefact: a space for questions, trees, and their calibration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.npz import read_arrays
from gateway.core.pair_features import FEATURE_NAMES, PAIR_FEATURES_VERSION
from gateway.core.question import QUESTION_VERSION
from gateway.domain.question import ScoreCounts

VERIFIER: Final = "verifier.npz"
ENCODER_VERIFIER: Final = "encoder_verifier.npz"
"""The verifier whose cosines are the encoder's."""
VERIFIER_FORMAT: Final = 1

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees, all nodes in a row, and each node twice. `roots` has each tree's first node.

    Where the feature of a node is at most its threshold one goes to where `ways` leads from its first place, otherwise
    to where it leads from its second: always to a first place. A leaf leads to itself, and adds its `value`. From a
    root to a leaf it is at most `depth` steps.
    """

    roots: Places
    feature: Places
    threshold: Doubles
    ways: Places
    value: Doubles
    base: float
    depth: int

    def sums(self, features: Doubles) -> Doubles:
        """Return what the trees say of each row of features: a logit."""
        rows, width = features.shape
        flat, starts = features.ravel(), np.repeat(np.arange(0, rows * width, width), len(self.roots))
        at = np.tile(self.roots, rows)
        # `take` is three times as quick as indexing, which is what all of the time goes into.
        for _ in range(self.depth):
            is_right = flat.take(self.feature.take(at) + starts) > self.threshold.take(at)
            at = self.ways.take(at + is_right)
        sums: Doubles = self.base + self.value.take(at).reshape(rows, -1).sum(axis=1)
        return sums


@dataclass(frozen=True, slots=True)
class VerifierModel:
    """A verifier as it is served.

    `piece_weights` has a number for each piece of the static table, and `projection` leads from its vectors to those in
    which words are compared. The probability is sigmoid(`slope` · (sum of the trees) + `offset`). `static` is the
    SHA-256 of the table that all of it was trained on, and `encoder` that of the weights of the encoder whose cosines
    of whole questions it reads; empty where these are the table's as well.
    """

    piece_weights: Floats
    projection: Floats
    trees: Trees
    slope: float
    offset: float
    calibration: ScoreCounts
    static: str
    encoder: str = ""


def read_verifier(raw: bytes, pieces: int, width: int) -> VerifierModel:
    """Read the file's bytes, for a static table of pieces x width. Raises ValueError or KeyError."""
    arrays = read_arrays(raw)
    versions = tuple(arrays["versions"].tolist())
    wanted = (VERIFIER_FORMAT, QUESTION_VERSION, PAIR_FEATURES_VERSION)
    if versions != wanted:
        raise ValueError(f"the verifier is of the versions {versions}, this gateway reads {wanted}")
    slope, offset = (float(arrays[name]) for name in ("slope", "offset"))
    edges, right, wrong = (tuple(arrays[name].tolist()) for name in ("edges", "counts_right", "counts_wrong"))
    model = VerifierModel(
        piece_weights=arrays["piece_weights"].astype(np.float32),
        projection=arrays["projection"].astype(np.float32),
        trees=_trees(arrays),
        slope=slope,
        offset=offset,
        calibration=ScoreCounts(edges, right, wrong),
        static=arrays["static"].tobytes().decode(),
        encoder=arrays["encoder"].tobytes().decode() if "encoder" in arrays else "",
    )
    counts = model.calibration
    _check(
        piece_weights=model.piece_weights.shape == (pieces,),
        projection=model.projection.ndim == 2 and len(model.projection) == width,
        counts=len(edges) == len(counts.right) == len(counts.wrong) > 0 and edges[0] == 0.0,
    )
    return model


def _trees(arrays: Mapping[str, NDArray[Any]]) -> Trees:
    """Put each node of the file into two places. Raises ValueError."""
    roots, feature, left, right = (arrays[name].astype(np.intp) for name in ("roots", "feature", "left", "right"))
    threshold, value = (arrays[name].astype(np.float64) for name in ("threshold", "value"))
    nodes = len(feature)
    _check(
        nodes=all(len(each) == nodes for each in (threshold, left, right, value)),
        features=nodes > 0 and bool(feature.min() >= 0 and feature.max() < len(FEATURE_NAMES)),
        ways=all(_leads_to_a_node(each, nodes) for each in (roots, left, right)),
    )
    return Trees(
        roots=2 * roots,
        feature=feature.repeat(2),
        threshold=threshold.repeat(2),
        ways=2 * np.stack([left, right], axis=1).ravel(),
        value=value.repeat(2),
        base=float(arrays["base"]),
        depth=int(arrays["depth"]),
    )


def _leads_to_a_node(ways: Places, nodes: int) -> bool:
    return len(ways) > 0 and int(ways.min()) >= 0 and int(ways.max()) < nodes


def _check(**parts: bool) -> None:
    """Raise ValueError for the first part that does not hold."""
    for name, holds in parts.items():
        if not holds:
            raise ValueError(f"the verifier's {name.replace('_', ' ')} are not what they should be")
