"""Train on the train split, and keep what was trained in a file between commands."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from gateway.core.features import TextFeatures
from router_models.calibrate import offset
from router_models.data import DataError, Mask, Outcomes
from router_models.design import Design, Vocabulary, build_design, extract_all, learn_vocabulary
from router_models.low_rank import SEED, LowRank, Progress, Settings, fit

HELD_OUT_TASKS: Final = ("knowledge", "maths", "code")
"""The tasks large enough to be left out and tested on."""
LEAST_TESTED: Final = 30
LEAST_PRECISION: Final = 10.0
"""A model counts when it has so many outcomes there, and its offset is known to about 0.3 (1 / sqrt(precision))."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, the vocabulary it reads with, and the features of all queries under that vocabulary."""

    vocabulary: Vocabulary
    design: Design
    model: LowRank


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model with what `calibrate` needs to know of it."""

    settings: Settings
    seed: int
    between_tasks: float
    fitted: Fitted


def fit_on(
    outcomes: Outcomes,
    features: list[TextFeatures],
    training: Mask,
    settings: Settings,
    *,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Fitted:
    """Learn the vocabulary and fit the model on some of the queries."""
    vocabulary = learn_vocabulary(features, training)
    design = build_design(features, vocabulary)
    chosen = (design.rows(training), outcomes.score[training], outcomes.seen[training])
    return Fitted(vocabulary, design, fit(*chosen, settings, seed=seed, progress=progress))


def without_task(outcomes: Outcomes, task: str) -> Mask:
    """Return the queries of every other kind of task."""
    return ~outcomes.where(task=task)


def transfer_variance(outcomes: Outcomes, features: list[TextFeatures], settings: Settings, seed: int) -> float:
    """Return how far (variance of logits) a model stands off on a kind of task it was not seen on.

    Each large task is left out of training in turn. Its models' offsets there, less their mean (which moves all models
    alike and so changes no order) and less what chance explains, are what linking through shared queries cannot tell.
    """
    excess: list[float] = []
    for task in HELD_OUT_TASKS:
        training = outcomes.where(split="train") & without_task(outcomes, task)
        tested = outcomes.where(split="valid", task=task)
        if not training.any() or not tested.any():
            continue
        fitted = fit_on(outcomes, features, training, settings, seed=seed)
        logits = fitted.model.logits(fitted.design.rows(tested)).astype(np.float64)
        linked = outcomes.seen[training].any(axis=0) & (outcomes.seen[tested].sum(axis=0) >= LEAST_TESTED)
        seen, score = outcomes.seen[tested], outcomes.score[tested].astype(np.float64)
        pairs = [offset(logits[seen[:, at], at], score[seen[:, at], at]) for at in np.flatnonzero(linked)]
        firm = np.array([pair for pair in pairs if pair[1] >= LEAST_PRECISION]).reshape(-1, 2)
        if len(firm) > 1:
            excess += ((firm[:, 0] - firm[:, 0].mean()) ** 2 - 1 / firm[:, 1]).tolist()
    return max(0.0, float(np.mean(excess))) if excess else 0.0


def train(
    outcomes: Outcomes,
    settings: Settings,
    *,
    seed: int = SEED,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> Trained:
    """Train a model on the train split that the data come with."""
    features = extract_all(query.prompt for query in outcomes.queries)
    fitted = fit_on(outcomes, features, outcomes.where(split="train"), settings, seed=seed, progress=progress)
    if note is not None:
        note("leave each large task out, to learn how far abilities carry over")
    between = transfer_variance(outcomes, features, settings, seed)
    return Trained(settings, seed, between, fitted)


def save(trained: Trained, path: Path) -> None:
    """Keep a trained model for the commands that come after."""
    vocabulary, model = trained.fitted.vocabulary, trained.fitted.model
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        settings=np.frombuffer(json.dumps(asdict(trained.settings)).encode(), np.uint8),
        seed=trained.seed,
        between_tasks=trained.between_tasks,
        vocabulary=np.frombuffer(b"\n".join(vocabulary.words), np.uint8),
        weights=vocabulary.weights,
        scalar_mean=vocabulary.scalar_mean,
        scalar_spread=vocabulary.scalar_spread,
        words=model.words,
        scalars=model.scalars,
        loadings=model.loadings,
        intercepts=model.intercepts,
    )


def load(path: Path, outcomes: Outcomes) -> Trained:
    """Read a model that `save` kept, and lay out the queries for it. Raises DataError when there is none."""
    if not path.is_file():
        raise DataError(f"{path} is not there. Make it first: python -m router_models train")
    with np.load(path, allow_pickle=False) as kept:
        words = tuple(kept["vocabulary"].tobytes().split(b"\n"))
        vocabulary = Vocabulary(words, kept["weights"], kept["scalar_mean"], kept["scalar_spread"])
        model = LowRank(kept["words"], kept["scalars"], kept["loadings"], kept["intercepts"])
        settings = Settings(**json.loads(kept["settings"].tobytes()))
        seed, between = int(kept["seed"]), float(kept["between_tasks"])
    features = extract_all(query.prompt for query in outcomes.queries)
    return Trained(settings, seed, between, Fitted(vocabulary, build_design(features, vocabulary), model))
