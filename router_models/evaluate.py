"""Judge a model beside random choice, prompt length and the oracle, on queries it was not trained on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.core.features import TextFeatures
from router_models.calibrate import Calibrated
from router_models.data import CHARS_PER_TOKEN, Mask, Outcomes
from router_models.measures import (
    Ladder,
    brier_skill,
    calibration_error,
    cost_share_at,
    frontier,
    two_tier,
    zero_router,
)
from router_models.scientific import Doubles, logistic
from router_models.train import Trained, fit_on, without_task

WEAK: Final = "mixtral-8x7b-instruct-v0.1"
STRONG: Final = "gpt-4-1106-preview"
LADDER: Final = ("llama-3.1-8b-instruct", "gpt-4o-mini", "gpt-4o")
TWO_TIER_SETS: Final = ("mmlu", "gsm8k", "mt_bench")
HELD_OUT: Final[Mapping[str, str]] = {"knowledge": "mmlu", "maths": "gsm8k", "chat": "mt_bench"}
"""The kind of task left out of training, and the RouteLLM set that it is then tested on."""
LEAST_TESTED: Final = 100
LEAST_TWO_TIER: Final = 50
"""Fewer queries than this give no figure worth printing (MT-Bench's test split has 19)."""

Prices = Mapping[str, tuple[float, float]]
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of results, as text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def two_tier_queries(outcomes: Outcomes, dataset: str) -> Mask:
    """Return RouteLLM's test queries of a data set, those its authors found contaminated left out."""
    return outcomes.where(source="routellm", dataset=dataset, contaminated=False)


def two_tier_rows(
    outcomes: Outcomes, chance: Doubles, tested: Mask, label: str, seed: int
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one test set: the model (ranked by gain), length, random and oracle."""
    weak, strong = outcomes.column(WEAK), outcomes.column(STRONG)
    below = outcomes.score[tested, weak].astype(np.float64)
    above = outcomes.score[tested, strong].astype(np.float64)
    length = np.array([float(len(query.prompt)) for query in outcomes.queries])[tested]
    routers = {
        "model": (chance[:, strong] - chance[:, weak])[tested],
        "length": length,
        "random": np.random.default_rng(seed).random(int(tested.sum())),
        "oracle": above - below,
    }
    for name, score in routers.items():
        result = two_tier(score, below, above, seed)
        interval = f"{result.low:.3f}–{result.high:.3f}"
        figures = (f"{result.apgr:.3f}", interval, f"{result.cpt50:.1f}", f"{result.cpt80:.1f}")
        yield (label, str(len(score)), name, *figures)


def out_of_fold(outcomes: Outcomes, features: list[TextFeatures], trained: Trained, folds: int, note: Note) -> Doubles:
    """Return probabilities for every query from models trained on the other folds; folds keep groups whole."""
    groups = sorted({query.group for query in outcomes.queries})
    shuffled = np.random.default_rng(trained.seed).permutation(len(groups))
    fold_of = {group: int(place) % folds for group, place in zip(groups, shuffled, strict=True)}
    fold = np.array([fold_of[query.group] for query in outcomes.queries])
    chance = np.zeros(outcomes.score.shape)
    for held in range(folds):
        note(f"fold {held + 1} of {folds}")
        fitted = fit_on(outcomes, features, fold != held, trained.settings, seed=trained.seed)
        chance[fold == held] = logistic(fitted.model.logits(fitted.design.rows(fold == held)))
    return chance


TWO_TIER_COLUMNS: Final = ("set", "queries", "router", "APGR", "95 %", "CPT(50) %", "CPT(80) %")


def two_tier_table(outcomes: Outcomes, chance: Doubles, among: Mask, title: str, seed: int) -> Table:
    """Return the two-tier table over RouteLLM's sets, within some of the queries."""
    rows: list[tuple[str, ...]] = []
    for dataset in TWO_TIER_SETS:
        tested = among & two_tier_queries(outcomes, dataset)
        if tested.sum() >= LEAST_TWO_TIER:
            rows += two_tier_rows(outcomes, chance, tested, dataset, seed)
    return Table(title, TWO_TIER_COLUMNS, tuple(rows))


def held_out_table(outcomes: Outcomes, features: list[TextFeatures], trained: Trained, note: Note) -> Table:
    """Return the two-tier table where no query of the tested kind of task was in training."""
    rows: list[tuple[str, ...]] = []
    for task, dataset in HELD_OUT.items():
        tested = two_tier_queries(outcomes, dataset)
        if tested.sum() < LEAST_TWO_TIER:
            continue
        note(f"without {task}")
        fitted = fit_on(outcomes, features, without_task(outcomes, task), trained.settings, seed=trained.seed)
        chance = logistic(fitted.model.logits(fitted.design))
        rows += two_tier_rows(outcomes, chance, tested, f"{dataset} (no {task})", trained.seed)
    return Table("Kind of task not in training (all queries of the set)", TWO_TIER_COLUMNS, tuple(rows))


def calibration_table(outcomes: Outcomes, calibrated: Calibrated, chance: Doubles) -> Table:
    """Return calibration on the test split: for the models of the other tables, and the mean over all."""
    test = outcomes.where(split="test")
    rows: list[tuple[str, ...]] = []
    every: list[tuple[float, float]] = []
    for at, ability in enumerate(calibrated.abilities):
        seen = test & outcomes.seen[:, at]
        if seen.sum() < LEAST_TESTED:
            continue
        score = outcomes.score[seen, at].astype(np.float64)
        figures = (calibration_error(chance[seen, at], score), brier_skill(chance[seen, at], score))
        every.append(figures)
        if ability.reference in {WEAK, STRONG, *LADDER}:
            rows.append((ability.reference, str(seen.sum()), *(f"{figure:.3f}" for figure in figures)))
    mean = np.mean(every, axis=0)
    rows.append((f"mean of {len(every)} models", "", f"{mean[0]:.3f}", f"{mean[1]:.3f}"))
    return Table("Calibration, test split", ("model", "queries", "ECE (15 bins)", "Brier skill"), tuple(rows))


def ladder_of(outcomes: Outcomes, chance: Doubles, among: Mask, prices: Prices) -> Ladder:
    """Return ZeroEval's three-tier ladder on those queries that all its tiers answered."""
    columns = [outcomes.column(name) for name in LADDER]
    tokens = outcomes.output_tokens[:, columns]
    sources = outcomes.where(source="zeroeval")
    answered = sources & outcomes.seen[:, columns].all(axis=1) & ~np.isnan(tokens).any(axis=1)
    prompt = np.array([len(query.prompt) / CHARS_PER_TOKEN for query in outcomes.queries])
    price = np.array([prices[name] for name in LADDER])
    usual = tokens[answered & outcomes.where(split="train")].mean(axis=0)
    tested = answered & among
    fixed = prompt[tested, None] * price[:, 0]
    return Ladder(
        predicted=chance[tested][:, columns],
        expected_cost=fixed + usual * price[:, 1],
        quality=outcomes.score[tested][:, columns].astype(np.float64),
        cost=fixed + tokens[tested].astype(np.float64) * price[:, 1],
    )


def ladder_table(outcomes: Outcomes, chance: Doubles, among: Mask, prices: Prices, title: str) -> Table:
    """Return what a three-tier ladder costs at 95, 99 and 100 % of the strongest tier's quality."""
    ladder = ladder_of(outcomes, chance, among, prices)
    oracle = Ladder(ladder.quality, ladder.cost, ladder.quality, ladder.cost)
    points = {"model": frontier(ladder), "zero-router": zero_router(ladder), "oracle": frontier(oracle)}
    rows = [
        (name, str(len(ladder.quality)), *(_percent(cost_share_at(at, ladder, share)) for share in (0.95, 0.99, 1.0)))
        for name, at in points.items()
    ]
    columns = ("router", "queries", "at 95 %", "at 99 %", "at 100 %")
    return Table(f"{title}: cost, % of always {LADDER[-1]}", columns, tuple(rows))


def _percent(share: float | None) -> str:
    return "never" if share is None else f"{100 * share:.1f}"


def headline_metrics(outcomes: Outcomes, calibrated: Calibrated, chance: Doubles) -> dict[str, float]:
    """Return the figures that go into an artefact's manifest, all on the test split."""
    test = outcomes.where(split="test")
    metrics: dict[str, float] = {}
    weak, strong = outcomes.column(WEAK), outcomes.column(STRONG)
    for dataset in TWO_TIER_SETS[:2]:
        tested = test & two_tier_queries(outcomes, dataset)
        score = outcomes.score[tested].astype(np.float64)
        gain = (chance[:, strong] - chance[:, weak])[tested]
        metrics[f"apgr_{dataset}"] = two_tier(gain, score[:, weak], score[:, strong], 0).apgr
    summary = calibration_table(outcomes, calibrated, chance).rows[-1]
    metrics["ece_mean"], metrics["brier_skill_mean"] = float(summary[2]), float(summary[3])
    return metrics


def evaluate(
    outcomes: Outcomes,
    features: list[TextFeatures],
    trained: Trained,
    calibrated: Calibrated,
    prices: Prices,
    *,
    folds: int,
    note: Note,
) -> list[Table]:
    """Return all tables. With `folds` > 1 also those over whole sets, and those with a kind of task left out."""
    test = outcomes.where(split="test")
    chance = calibrated.shrunk(trained.fitted.design)
    tables = [
        two_tier_table(outcomes, chance, test, f"Two tiers, {WEAK} and {STRONG}, test split", trained.seed),
        calibration_table(outcomes, calibrated, chance),
        ladder_table(outcomes, chance, test, prices, "Three tiers, test split"),
    ]
    if folds > 1:
        raw = out_of_fold(outcomes, features, trained, folds, note)
        everything = np.ones(len(outcomes.queries), bool)
        tables.append(two_tier_table(outcomes, raw, everything, f"Two tiers, {folds}-fold, all queries", trained.seed))
        tables.append(ladder_table(outcomes, raw, everything, prices, f"Three tiers, {folds}-fold"))
        tables.append(held_out_table(outcomes, features, trained, note))
    return tables
