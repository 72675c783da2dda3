"""What the verifier of semantic hits reads from an artefact: a space for questions, trees, and their calibration."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.npz import read_arrays
from gateway.core.pair_features import FEATURE_NAMES, PAIR_FEATURES_VERSION
from gateway.core.question import QUESTION_VERSION
from gateway.domain.question import ScoreCounts

VERIFIER: Final = "verifier.npz"
VERIFIER_FORMAT: Final = 1

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees, all nodes in a row. `roots` has each tree's first node.

    Where the feature of a node is at most its threshold one goes to `left`, otherwise to `right`; a leaf leads to
    itself, and adds its `value`. From a root to a leaf it is at most `depth` steps.
    """

    roots: Places
    feature: Places
    threshold: Doubles
    left: Places
    right: Places
    value: Doubles
    base: float
    depth: int

    def sums(self, features: Doubles) -> Doubles:
        """Return what the trees say of each row of features: a logit."""
        rows = np.arange(len(features))[:, None]
        at = np.broadcast_to(self.roots, (len(features), len(self.roots)))
        for _ in range(self.depth):
            goes_left = features[rows, self.feature[at]] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
        sums: Doubles = self.base + self.value[at].sum(axis=1)
        return sums


@dataclass(frozen=True, slots=True)
class VerifierModel:
    """A verifier as it is served.

    `piece_weights` has a number for each piece of the static table, and `projection` leads from its vectors to those in
    which questions are compared. The probability is sigmoid(`slope` · (sum of the trees) + `offset`). `static` is the
    SHA-256 of the table that all of it was trained on.
    """

    piece_weights: Floats
    projection: Floats
    trees: Trees
    slope: float
    offset: float
    calibration: ScoreCounts
    static: str


def read_verifier(raw: bytes, pieces: int, width: int) -> VerifierModel:
    """Read the file's bytes, for a static table of pieces x width. Raises ValueError or KeyError."""
    arrays = read_arrays(raw)
    versions = tuple(arrays["versions"].tolist())
    wanted = (VERIFIER_FORMAT, QUESTION_VERSION, PAIR_FEATURES_VERSION)
    if versions != wanted:
        raise ValueError(f"the verifier is of the versions {versions}, this gateway reads {wanted}")
    names = {name: arrays[name] for name in ("feature", "threshold", "left", "right", "value")}
    depth, base, slope, offset = (float(arrays[name]) for name in ("depth", "base", "slope", "offset"))
    trees = Trees(
        roots=arrays["roots"].astype(np.intp),
        feature=names["feature"].astype(np.intp),
        threshold=names["threshold"].astype(np.float64),
        left=names["left"].astype(np.intp),
        right=names["right"].astype(np.intp),
        value=names["value"].astype(np.float64),
        base=base,
        depth=int(depth),
    )
    edges, right, wrong = (tuple(arrays[name].tolist()) for name in ("edges", "counts_right", "counts_wrong"))
    model = VerifierModel(
        piece_weights=arrays["piece_weights"].astype(np.float32),
        projection=arrays["projection"].astype(np.float32),
        trees=trees,
        slope=slope,
        offset=offset,
        calibration=ScoreCounts(edges, right, wrong),
        static=arrays["static"].tobytes().decode(),
    )
    _check(model, pieces, width)
    return model


def _check(model: VerifierModel, pieces: int, width: int) -> None:
    trees, counts = model.trees, model.calibration
    nodes = len(trees.feature)
    for name, holds in (
        ("piece weights", model.piece_weights.shape == (pieces,)),
        ("projection", model.projection.ndim == 2 and len(model.projection) == width),
        ("nodes", all(len(each) == nodes for each in (trees.threshold, trees.left, trees.right, trees.value))),
        ("features", nodes > 0 and trees.feature.min() >= 0 and trees.feature.max() < len(FEATURE_NAMES)),
        ("ways", all(_leads_to_a_node(each, nodes) for each in (trees.roots, trees.left, trees.right))),
        ("counts", len(counts.edges) == len(counts.right) == len(counts.wrong) > 0 and counts.edges[0] == 0.0),
    ):
        if not holds:
            raise ValueError(f"the verifier's {name} are not what they should be")


def _leads_to_a_node(ways: Places, nodes: int) -> bool:
    return len(ways) > 0 and int(ways.min()) >= 0 and int(ways.max()) < nodes
