"""Train on the train and valid splits, and keep what was trained in a file between commands."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from router_models.data import DataError, Floats, Mask, Outcomes
from router_models.design import Vocabulary, build_design
from router_models.heads import Head, Space
from router_models.known_texts import KnownTexts
from router_models.low_rank import SEED, Settings
from router_models.platt import offset
from router_models.router import ABILITY_SETTINGS, Router, Stage, StageModel, fit_router
from router_models.texts import Texts

HELD_OUT_TASKS: Final = ("knowledge", "maths", "code")
"""The tasks large enough to be left out and tested on."""
LEAST_TESTED: Final = 30
LEAST_PRECISION: Final = 10.0
"""A model counts when it has so many outcomes there, and its offset is known to about 0.3 (1 / sqrt(precision))."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted router with what `calibrate` needs to know of it."""

    settings: Settings
    seed: int
    between_tasks: float
    router: Router


def without_task(outcomes: Outcomes, task: str) -> Mask:
    """Return the queries of every other kind of task."""
    return ~outcomes.where(task=task)


def in_training(outcomes: Outcomes) -> Mask:
    """Return the queries that the shipped router is fitted on; the test split is never looked at."""
    return ~outcomes.where(split="test")


def transfer_variance(outcomes: Outcomes, texts: Texts, settings: Settings, seed: int, note: Note) -> float:
    """Return how far (variance of logits) a model stands off on a kind of task it was not seen on.

    Each large task is left out of training in turn. Its models' offsets there, less their mean (which moves all models
    alike and so changes no order) and less what chance explains, are what linking through shared queries cannot tell.
    """
    excess: list[float] = []
    for task in HELD_OUT_TASKS:
        training = in_training(outcomes) & without_task(outcomes, task)
        tested = outcomes.where(split="valid", task=task)
        if not training.any() or not tested.any():
            continue
        note(f"without {task}")
        router = fit_router(outcomes, texts, training, settings, seed=seed)
        rows = np.flatnonzero(tested)
        logits = router.space.logits(router.latent(rows, router.best))
        linked = outcomes.seen[training].any(axis=0) & (outcomes.seen[tested].sum(axis=0) >= LEAST_TESTED)
        seen, score = outcomes.seen[tested], outcomes.score[tested].astype(np.float64)
        pairs = [offset(logits[seen[:, at], at], score[seen[:, at], at]) for at in np.flatnonzero(linked)]
        firm = np.array([pair for pair in pairs if pair[1] >= LEAST_PRECISION]).reshape(-1, 2)
        if len(firm) > 1:
            excess += ((firm[:, 0] - firm[:, 0].mean()) ** 2 - 1 / firm[:, 1]).tolist()
    return max(0.0, float(np.mean(excess))) if excess else 0.0


def train(
    outcomes: Outcomes,
    texts: Texts,
    settings: Settings = ABILITY_SETTINGS,
    *,
    seed: int = SEED,
    note: Note | None = None,
) -> Trained:
    """Train a router on all but the test split."""
    say = note or (lambda _: None)
    router = fit_router(outcomes, texts, in_training(outcomes), settings, seed=seed, note=say)
    say("leave each large task out, to learn how far abilities carry over")
    between = transfer_variance(outcomes, texts, settings, seed, say)
    return Trained(settings, seed, between, router)


def save(trained: Trained, path: Path) -> None:
    """Keep a trained router for the commands that come after."""
    router = trained.router
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        "settings": np.frombuffer(json.dumps(asdict(trained.settings)).encode(), np.uint8),
        "seed": trained.seed,
        "between_tasks": trained.between_tasks,
        "vocabulary": np.frombuffer(b"\n".join(router.vocabulary.words), np.uint8),
        "weights": router.vocabulary.weights,
        "scalar_mean": router.vocabulary.scalar_mean,
        "scalar_spread": router.vocabulary.scalar_spread,
        "loadings": router.space.loadings,
        "intercepts": router.space.intercepts,
        "ground": router.ground.dense,
        "priors": router.priors,
        "tune": router.tune,
    }
    for stage, known in router.known.items():
        band = np.array([known.low, known.high])
        arrays |= {f"{stage}.known": known.vectors, f"{stage}.steps": known.steps, f"{stage}.band": band}
    for stage, model in router.stages.items():
        arrays |= {
            f"{stage}.words": model.head.words,
            f"{stage}.dense": model.head.dense,
            f"{stage}.factor": model.factor,
            f"{stage}.near": model.near,
            f"{stage}.spread": model.spread,
        }
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path, texts: Texts) -> Trained:
    """Read a router that `save` kept, for the texts that it was trained on. Raises DataError when there is none."""
    if not path.is_file():
        raise DataError(f"{path} is not there. Make it first: python -m router_models train")
    with np.load(path, allow_pickle=False) as file:
        kept = {name: file[name] for name in file.files}
    words = tuple(kept["vocabulary"].tobytes().split(b"\n"))
    vocabulary = Vocabulary(words, kept["weights"], kept["scalar_mean"], kept["scalar_spread"])
    latent = kept["loadings"].shape[1]
    router = Router(
        texts=texts,
        design=build_design(texts.features, vocabulary),
        vocabulary=vocabulary,
        space=Space(kept["loadings"], kept["intercepts"]),
        stages={stage: _stage(kept, stage) for stage in Stage if f"{stage}.dense" in kept},
        ground=Head(np.zeros((0, latent), np.float32), kept["ground"]),
        known={stage: _known(kept, stage) for stage in Stage if f"{stage}.known" in kept},
        priors=kept["priors"],
        tune=kept["tune"],
    )
    settings = Settings(**json.loads(kept["settings"].tobytes()))
    return Trained(settings, int(kept["seed"]), float(kept["between_tasks"]), router)


def _known(kept: dict[str, Floats], stage: Stage) -> KnownTexts:
    low, high = kept[f"{stage}.band"].tolist()
    return KnownTexts(kept[f"{stage}.known"], kept[f"{stage}.steps"], low, high)


def _stage(kept: dict[str, Floats], stage: Stage) -> StageModel:
    head = Head(kept[f"{stage}.words"], kept[f"{stage}.dense"])
    return StageModel(head, float(kept[f"{stage}.factor"]), float(kept[f"{stage}.near"]), kept[f"{stage}.spread"])
