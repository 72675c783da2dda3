"""Which queries a protocol fits on, and which it tests: R1 to R12 of the evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.benchmarks import HELD_OUT, OPTIONS_SETS, two_tier_queries
from router_models.data import Mask, Outcomes
from router_models.router import group_parts

FOLDS: Final = 5
LABELS: Final = 1_500
"""What RouteLLM's authors added of MMLU to their own training data."""
DRAWS: Final = 3
SUBJECT_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """One fit of a protocol: its name, what it trains on, and what it tests."""

    name: str
    training: Mask
    tested: Mask


def folds(outcomes: Outcomes, seed: int) -> Iterator[Partition]:
    """Yield five folds over all data that keep groups whole."""
    # Another seed than the fits': they keep a tenth of the groups for calibration by the same draw.
    part = group_parts(_groups(outcomes), seed + 1)
    for fold in range(FOLDS):
        tested = np.floor(part * FOLDS) == fold
        yield Partition(f"fold-{fold}", ~tested, tested)


def few_labels(outcomes: Outcomes, seed: int, *, with_others: bool) -> Iterator[Partition]:
    """Yield draws of 1 500 of RouteLLM's MMLU queries to fit on, alone or beside all data of other families."""
    pool = two_tier_queries(outcomes, "mmlu")
    others = ~outcomes.where(task="knowledge")
    for draw in range(DRAWS):
        chosen = np.random.default_rng(seed + draw).permutation(np.flatnonzero(pool))[
            : min(LABELS, int(pool.sum()) // 2)
        ]
        training = np.zeros(len(pool), bool)
        training[chosen] = True
        tested = pool & ~_sharing(outcomes, training)
        kind = "with-others" if with_others else "alone"
        yield Partition(f"labels-{kind}-{draw}", training | others if with_others else training, tested)


def whole_subjects(outcomes: Outcomes) -> Iterator[Partition]:
    """Yield five sets of MMLU subjects; whatever asks a question of theirs in any source is not trained on."""
    tested_ever = two_tier_queries(outcomes, "mmlu")
    subject = np.array([query.category for query in outcomes.queries])
    of_mmlu = outcomes.where(dataset="mmlu")
    names: NDArray[np.str_] = np.array(sorted(set(subject[tested_ever])))
    np.random.RandomState(SUBJECT_SEED).shuffle(names)
    for part, held in enumerate(np.array_split(names, FOLDS)):
        left_out = of_mmlu & np.isin(subject, held)
        yield Partition(f"subjects-{part}", ~_sharing(outcomes, left_out), left_out & tested_ever)


def without_family(outcomes: Outcomes) -> Iterator[Partition]:
    """Yield each family that RouteLLM's test sets belong to, left out of training; all of that set is tested."""
    for task, dataset in HELD_OUT.items():
        yield Partition(f"without-{task}", ~outcomes.where(task=task), outcomes.where(task=task))
        if dataset == "mmlu":
            options = np.isin([query.dataset for query in outcomes.queries], OPTIONS_SETS)
            yield Partition(
                f"without-{task}-and-options",
                ~outcomes.where(task=task) & ~options,
                two_tier_queries(outcomes, dataset),
            )


def released(outcomes: Outcomes) -> Partition:
    """Return the fit that is released: on all but the test split."""
    test = outcomes.where(split="test")
    return Partition("released", ~test, test)


def sample_of_groups(outcomes: Outcomes, share: float, seed: int) -> Mask:
    """Draw a share of the groups, for a run that only shows that all works."""
    drawn: Mask = group_parts(_groups(outcomes), seed + 2) < share
    return drawn


def _groups(outcomes: Outcomes) -> NDArray[np.str_]:
    return np.array([query.group for query in outcomes.queries])


def _sharing(outcomes: Outcomes, chosen: Mask) -> Mask:
    """Return the queries whose group has a chosen query, those included."""
    groups = _groups(outcomes)
    shared: Mask = np.isin(groups, groups[chosen])
    return shared
