"""Boosted trees: fitted by scikit-learn, kept as flat arrays, and read as serving reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from gateway.core.pair_features import FEATURE_NAMES
from router_models.data import Floats
from router_models.scientific import Doubles
from router_models.verifier.pairs import Labels

ROUNDS: Final = 300
RATE: Final = 0.06
LEAVES: Final = 31
DEPTH: Final = 8
"""Each step from root to leaf costs serving time."""
RIDGE: Final = 5.0
LEAF_LEAST: Final = 40
RISING: Final = ("cosine", "cover_least", "cover_most", "shared_weight", "neighbours_kept")
FALLING: Final = ("numbers_exchanged", "units_differ", "opposites", "names_exchanged", "moved_apart", "scripts_differ")
"""Features with which the probability may only rise, or only fall, all else equal."""

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trees:
    """All nodes in a row; a leaf leads to itself. `roots` has each tree's first node."""

    roots: Places
    feature: Places
    threshold: Doubles
    left: Places
    right: Places
    value: Doubles
    base: float
    depth: int

    def sums(self, features: Floats) -> Doubles:
        """Return what the trees say of each row: a logit."""
        wide, rows = features.astype(np.float64), np.arange(len(features))
        sums: Doubles = np.full(len(features), self.base)
        for root in self.roots:
            at = np.full(len(features), root)
            for _ in range(self.depth):
                at = np.where(wide[rows, self.feature[at]] <= self.threshold[at], self.left[at], self.right[at])
            sums += self.value[at]
        return sums

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trees":
        """Return the trees that `arrays` gave."""
        places = {name: arrays[name].astype(np.intp) for name in ("roots", "feature", "left", "right")}
        numbers = {name: arrays[name].astype(np.float64) for name in ("threshold", "value")}
        return cls(
            roots=places["roots"],
            feature=places["feature"],
            threshold=numbers["threshold"],
            left=places["left"],
            right=places["right"],
            value=numbers["value"],
            base=float(arrays["base"]),
            depth=int(arrays["depth"]),
        )

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what an artefact keeps."""
        return {
            "roots": self.roots.astype(np.int32),
            "feature": self.feature.astype(np.uint8),
            "threshold": self.threshold,
            "left": self.left.astype(np.int32),
            "right": self.right.astype(np.int32),
            "value": self.value.astype(np.float32),
            "base": np.array(self.base),
            "depth": np.array(self.depth),
        }


def grow(features: Floats, labels: Labels, weights: Floats, seed: int, rounds: int = ROUNDS) -> Trees:
    """Fit trees; the same data and seed give the same trees."""
    signs = [int(name in RISING) - int(name in FALLING) for name in FEATURE_NAMES]
    model = HistGradientBoostingClassifier(  # type: ignore[no-untyped-call]  # scikit-learn's is not annotated
        learning_rate=RATE,
        max_iter=rounds,
        max_leaf_nodes=LEAVES,
        max_depth=DEPTH,
        min_samples_leaf=LEAF_LEAST,
        l2_regularization=RIDGE,
        monotonic_cst=signs,
        early_stopping=False,
        random_state=seed,
    )
    model.fit(features, labels, sample_weight=weights)
    return _flat([each[0].nodes for each in model._predictors], float(model._baseline_prediction.ravel()[0]))


def _flat(trees: list[Any], base: float) -> Trees:
    starts = np.cumsum([0, *(len(nodes) for nodes in trees)])
    parts: dict[str, list[NDArray[Any]]] = {"feature": [], "threshold": [], "left": [], "right": [], "value": []}
    for nodes, start in zip(trees, starts[:-1], strict=True):
        leaf = nodes["is_leaf"].astype(bool)
        itself = np.arange(len(nodes))
        parts["feature"].append(np.where(leaf, 0, nodes["feature_idx"]))
        parts["threshold"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
        for side in ("left", "right"):
            parts[side].append(start + np.where(leaf, itself, nodes[side]))
        parts["value"].append(np.where(leaf, nodes["value"], 0.0))
    joined = {name: np.concatenate(each) for name, each in parts.items()}
    return Trees(
        roots=starts[:-1].astype(np.intp),
        feature=joined["feature"].astype(np.intp),
        threshold=joined["threshold"].astype(np.float64),
        left=joined["left"].astype(np.intp),
        right=joined["right"].astype(np.intp),
        # Kept, and summed, as what an artefact holds.
        value=joined["value"].astype(np.float32).astype(np.float64),
        base=base,
        depth=max(int(nodes["depth"].max()) for nodes in trees),
    )
