"""Fit a verifier: its space, its trees, the map to probabilities, and the counts that come with it.

train pairs ──▶ space ──▶ features (of train pairs by spaces fitted without them) ──┐
made edits, strangers, the train half of the edits of the labelled set ─────────────┴─▶ trees
calibration pairs ──▶ logits ──▶ Platt map, counts of right and wrong by probability (a component counts as one pair)
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.pair_features import FEATURE_NAMES, PAIR_FEATURES_VERSION
from gateway.core.question import QUESTION_VERSION
from gateway.domain.question import ScoreCounts
from router_models.data import Floats
from router_models.platt import platt
from router_models.scientific import Doubles, logistic
from router_models.verifier.edits import make_edits, strangers
from router_models.verifier.features import Reader
from router_models.verifier.pairs import Labels, Mask, Pairs, Parts, components, read_edits, read_questions
from router_models.verifier.space import PieceTable, Space, learn_space
from router_models.verifier.trees import Trees, grow

SEED: Final = 0
FOLDS: Final = 3
QUESTIONS_EDITED: Final = 12_000
EDITS_EACH: Final = 3
STRANGERS: Final = 6_000
MADE_WEIGHT: Final = 0.15
"""What a made pair counts beside one that people have labelled. At 20 % hits without any 17.5 % are wrong, with 0.15
17.8 %, and with 0.5 17.9 %; of wrong edits none of whose like was seen 1.9 % and, with 0.5, 0.4 % are served."""
FIT_VERSION: Final = 1
"""To be raised when trees are grown otherwise."""
DESIGN_VERSION: Final = 2
"""To be raised when pairs are made, or spaces fitted, otherwise: what was kept is of no use then."""
SURE_SHARE, SURE_BINS = 0.5, 100
"""The counts have so many bins, equally full, for the likeliest half of the calibration pairs, and one for the rest."""

_SLACK: Final = 1e-6
"""Shares such as a third are not exact: what is a whole number but for this is that number."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Design:
    """All pairs and their features, in one space. `made` are edits by rule and strangers, `key` names all of it."""

    key: str
    questions: Pairs
    edits: Pairs
    made: Pairs
    space: Space
    table: PieceTable
    question_features: Floats
    edit_features: Floats
    made_features: Floats

    @property
    def is_calibration(self) -> Mask:
        """Tell which question pairs no weight is fitted on."""
        return np.asarray(self.questions.splits == "calib")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A fitted verifier: probability = sigmoid(slope · trees + offset)."""

    trees: Trees
    slope: float
    offset: float
    counts: ScoreCounts

    def probabilities(self, features: Floats) -> Doubles:
        """Return the probability of each row of features."""
        return logistic(self.slope * self.trees.sums(features) + self.offset)


def make_design(data: Path, table: PieceTable, kept: Path, note: Note, seed: int = SEED) -> Design:
    """Read pairs, make edits, fit spaces and compute features; from `kept` what was computed before."""
    questions, edits = read_questions(data), read_edits(data)
    train = questions.where(questions.splits == "train")
    texts = sorted({*train.cached, *train.asked})
    order = np.random.default_rng(seed).permutation(len(texts))[:QUESTIONS_EDITED]
    note("make edits")
    made = joined(
        make_edits([texts[at] for at in order], table, seed, EDITS_EACH), strangers(texts, STRANGERS, seed + 1)
    )
    key = _key(table, questions, edits, made)
    path = kept / f"verifier-{key}.npz"
    if not path.is_file():
        found = _features(questions, edits, made, table, seed, note)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(path, allow_pickle=False, **found)
    with np.load(path, allow_pickle=False) as file:
        space = Space(file["weights"], file["projection"])
        return Design(key, questions, edits, made, space, table, file["questions"], file["edits"], file["made"])


def _features(
    questions: Pairs, edits: Pairs, made: Pairs, table: PieceTable, seed: int, note: Note
) -> dict[str, NDArray[np.floating]]:
    is_train = questions.splits == "train"
    train = questions.where(is_train)
    space = learn_space(table, train.cached, train.asked, train.labels, seed, note)
    reader = Reader(table, space)
    found = np.zeros((len(questions), len(FEATURE_NAMES)), np.float32)
    note("features of all pairs but those of training")
    found[~is_train] = reader.features(questions.where(~is_train))
    fold = components(train) % FOLDS
    rows = np.flatnonzero(is_train)
    for number in range(FOLDS):
        note(f"features of training pairs, part {number + 1} of {FOLDS}")
        others = train.where(fold != number)
        apart = learn_space(table, others.cached, others.asked, others.labels, seed + number, note)
        found[rows[fold == number]] = Reader(table, apart).features(train.where(fold == number))
    note("features of edits")
    return {
        "weights": space.weights,
        "projection": space.projection,
        "questions": found,
        "edits": reader.features(edits),
        "made": reader.features(made),
    }


def fit(design: Design, edits: Mask, kept: Path, note: Note, seed: int = SEED) -> Verifier:
    """Fit trees on the train questions, the chosen edits and what was made; calibrate on the calibration questions.

    From `kept` where the same was fitted before.
    """
    digest = hashlib.sha256(f"{FIT_VERSION} {MADE_WEIGHT} {seed} {design.key}".encode() + edits.tobytes()).hexdigest()
    path = kept / f"verifier-{design.key}-{digest[:12]}.npz"
    if not path.is_file():
        train = design.questions.splits == "train"
        features = [design.question_features[train], design.edit_features[edits], design.made_features]
        labels = [design.questions.labels[train], design.edits.labels[edits], design.made.labels]
        weights = [np.ones(len(labels[0]) + len(labels[1])), np.full(len(design.made), MADE_WEIGHT)]
        note(f"trees on {sum(map(len, labels)):,} pairs")
        grown = grow(np.concatenate(features), np.concatenate(labels), np.concatenate(weights).astype(np.float32), seed)
        np.savez(path, allow_pickle=False, **grown.arrays())
    with np.load(path, allow_pickle=False) as file:
        trees = Trees.read(file)
    calibration = design.questions.where(design.is_calibration)
    rows: Floats = design.question_features[design.is_calibration]
    return calibrated(trees, rows, calibration.labels, components(calibration))


def calibrated(trees: Trees, features: Floats, labels: Labels, parts: Parts) -> Verifier:
    """Map logits to probabilities and count right and wrong by probability, on pairs that the trees have not seen."""
    logits = trees.sums(features)
    slope, offset = platt(logits, labels.astype(np.float64))
    return Verifier(trees, slope, offset, counts_of(logistic(slope * logits + offset), labels, parts))


def counts_of(probabilities: Doubles, labels: Labels, parts: Parts) -> ScoreCounts:
    """Count right and wrong in bins of like size at the upper end."""
    edges = bin_edges(probabilities)
    bins = np.searchsorted(edges, probabilities, side="right") - 1
    return weighed_counts(edges, bins, labels, shares_of(parts))


def shares_of(parts: Parts) -> Doubles:
    """Return what each pair counts: all of one component count as one.

    Pairs that share questions are right and wrong together: each for itself they would promise a bound that they do
    not hold (rows S3 and S3b of the card).
    """
    _, at, members = np.unique(parts, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / members[at])


def bin_edges(probabilities: Doubles) -> Doubles:
    """Return where bins begin: at 0, then such that those of the likeliest half hold as many pairs each."""
    shares = 1.0 - np.linspace(SURE_SHARE, 0.0, SURE_BINS, endpoint=False)
    inner = np.unique(np.round(np.quantile(probabilities, shares), 6))
    return np.concatenate([[0.0], inner[inner > 0.0]])


def weighed_counts(edges: Doubles, bins: NDArray[np.intp], labels: Labels, shares: Doubles) -> ScoreCounts:
    """Return whole counts: summed from the likeliest bin on, right is rounded down and wrong is rounded up."""
    right, wrong = (
        np.bincount(bins, weights=np.where(labels == label, shares, 0.0), minlength=len(edges))[::-1].cumsum()
        for label in (1, 0)
    )
    down, up = np.floor(right + _SLACK), np.ceil(wrong - _SLACK)
    whole = (tuple(map(int, np.diff(sums, prepend=0.0)[::-1])) for sums in (down, up))
    return ScoreCounts(tuple(edges.tolist()), *whole)


def joined(first: Pairs, second: Pairs) -> Pairs:
    """Return the pairs of both."""
    return Pairs(
        first.cached + second.cached,
        first.asked + second.asked,
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.splits, second.splits]),
        np.concatenate([first.kinds, second.kinds]),
        np.concatenate([first.families, second.families]),
    )


def _key(table: PieceTable, *pairs: Pairs) -> str:
    digest = hashlib.sha256(f"{DESIGN_VERSION} {QUESTION_VERSION} {PAIR_FEATURES_VERSION} {table.digest}".encode())
    for each in pairs:
        digest.update("\n".join([*each.cached, *each.asked, *each.splits.tolist()]).encode("utf-8", "surrogatepass"))
        digest.update(each.labels.tobytes())
    return digest.hexdigest()[:12]
