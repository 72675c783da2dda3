"""Scores of the same pairs by each way to decide: ours, the cosine, the cosine with hard guards, a logistic map.

Ours is scored on edits by fits that have not seen their family, or their kind. The others are fitted on no edit at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.pair_features import FEATURE_NAMES
from load_tests.cache_card import OURS
from router_models.data import Floats
from router_models.scientific import Doubles, least, logistic
from router_models.verifier.features import Reader
from router_models.verifier.fit import Design, Verifier, fit
from router_models.verifier.held_out import family_folds, kind_folds, shipped_mask
from router_models.verifier.pairs import Labels, Mask, Pairs, pairs_of, read_intents

GUARDS: Final = (
    *("numbers_exchanged", "numbers_one_sided", "numbers_moved", "units_differ", "opposites", "denial_parity"),
    *("names_exchanged", "same_words_moved", "scripts_differ"),
)
"""Each of them vetoes, whatever the cosine."""
VETO: Final = 2.0
RIDGE: Final = 10.0
STEPS: Final = 200
INTENT_PAIRS: Final = 4_000

Rows = NDArray[np.intp]
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deciders:
    """The ways to decide: each name with what turns features into scores; and the shipped verifier's fit."""

    ways: Mapping[str, Callable[[Floats], Doubles]]
    shipped: Verifier


def deciders(design: Design, kept: Path, note: Note) -> Deciders:
    """Return ours first, then the references."""
    shipped = fit(design, shipped_mask(design.edits), kept, note)
    train = design.questions.splits == "train"
    note("a logistic map as a reference")
    ways = {
        OURS: shipped.probabilities,
        "cosine": by_cosine,
        "cosine + guards": by_guards,
        "logistic": by_logistic(design.question_features[train], design.questions.labels[train]),
    }
    return Deciders(ways, shipped)


def by_cosine(features: Floats) -> Doubles:
    """Return the cosine, brought between 0 and 1."""
    return np.asarray((1.0 + features[:, 0].astype(np.float64)) / 2, np.float64)


def by_guards(features: Floats) -> Doubles:
    """Return the same, a tenth of it where a guard vetoes."""
    vetoed = (features[:, [FEATURE_NAMES.index(name) for name in GUARDS]] > 0).any(axis=1)
    return np.where(vetoed, 0.1, 1.0) * by_cosine(features)


def by_logistic(features: Floats, labels: Labels) -> Callable[[Floats], Doubles]:
    """Fit a logistic regression on standardised features."""
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), np.float32(1e-3))

    def basis(rows: Floats) -> Doubles:
        standard = np.clip((rows - mean) / spread, -6, 6).astype(np.float64)
        return np.column_stack([standard, np.ones(len(rows))])

    known, wanted = basis(features), labels.astype(np.float64)

    def loss(at: Doubles) -> tuple[float, Doubles]:
        mapped = known @ at
        value = float((np.logaddexp(0, mapped) - wanted * mapped).sum() + 0.5 * RIDGE * (at @ at))
        return value, known.T @ (logistic(mapped) - wanted) + RIDGE * at

    weights = least(loss, np.zeros(known.shape[1]), iterations=STEPS)
    return lambda rows: logistic(basis(rows) @ weights)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The tested edits of all folds, each scored by the fit that had not seen its like, and whether it was served.

    Served: at the fold's own threshold, that of 20 % hits on the calibration questions.
    """

    served: Mask
    labels: Labels
    kinds: tuple[str, ...]


def held_out(design: Design, by_kind: bool, kept: Path, hit_rate: float, note: Note) -> HeldOut:
    """Score the edits of the test split with whole families, or whole kinds, left out of the fit."""
    folds = kind_folds(design.edits) if by_kind else family_folds(design.edits)
    test = design.edits.splits == "test"
    served, rows = [], []
    for name, fold in folds.items():
        note(f"without {name}")
        verifier = fit(design, shipped_mask(design.edits) & ~fold, kept, note)
        at = np.flatnonzero(test & fold)
        rows.append(at)
        served.append(_served(verifier.probabilities, design, at, hit_rate))
    return _held_out(design, np.concatenate(rows), np.concatenate(served))


def not_fitted(design: Design, way: Callable[[Floats], Doubles], hit_rate: float, by_kind: bool) -> HeldOut:
    """Score the same edits by a way that was fitted on none of them."""
    chosen = design.edits.splits == "test"
    if by_kind:
        chosen = chosen & np.logical_or.reduce(list(kind_folds(design.edits).values()))
    at = np.flatnonzero(chosen)
    return _held_out(design, at, _served(way, design, at, hit_rate))


def _served(way: Callable[[Floats], Doubles], design: Design, at: Rows, hit_rate: float) -> Mask:
    calibration = way(design.question_features[design.is_calibration])
    return np.asarray(way(design.edit_features[at]) >= np.quantile(calibration, 1 - hit_rate))


def _held_out(design: Design, at: Rows, served: Mask) -> HeldOut:
    return HeldOut(served, design.edits.labels[at], tuple(design.edits.kinds[at].tolist()))


def intent_pairs(data: Path, name: str, seed: int, count: int = INTENT_PAIRS) -> Pairs:
    """Draw as many pairs of one intent as of two."""
    texts, intents = read_intents(data, name)
    chance = np.random.default_rng(seed)
    rows: list[tuple[str, str, int]] = []
    members = {intent: np.flatnonzero(intents == intent) for intent in sorted(set(intents.tolist()))}
    for at in chance.integers(0, len(texts), count):
        same = int(chance.choice(members[str(intents[at])]))
        other = int(chance.integers(0, len(texts)))
        rows.extend([(texts[at], texts[same], 1)] if same != at else [])
        rows.extend([(texts[at], texts[other], 0)] if intents[other] != intents[at] else [])
    return pairs_of(rows)


def intent_features(design: Design, pairs: Pairs) -> Floats:
    """Return the features of such pairs."""
    return Reader(design.table, design.space).features(pairs)
