"""The tables of the evaluation, on a small world that has the compared models' names."""

from dataclasses import replace

import numpy as np
import pytest

from router_models.calibrate import Calibrated, calibrate
from router_models.card import model_card
from router_models.data import Outcomes
from router_models.design import extract_all
from router_models.evaluate import LADDER, STRONG, WEAK, Table, evaluate, headline_metrics
from router_models.low_rank import Settings
from router_models.train import Trained, train
from tests.support.routing_world import a_world

PRICES = {name: (1.0, price) for name, price in zip(LADDER, (1.0, 3.0, 30.0), strict=True)}
SOURCES = {"mmlu": "routellm", "gsm8k": "routellm", "crux": "zeroeval"}


def _named_world() -> Outcomes:
    world = a_world(1_800)
    queries = tuple(replace(query, source=SOURCES[query.dataset]) for query in world.queries)
    references = (WEAK, LADDER[0], LADDER[1], LADDER[2], STRONG)
    return replace(world, queries=queries, references=references, seen=np.ones_like(world.seen))


WORLD = _named_world()


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(WORLD, Settings(latent=2, iterations=25))


@pytest.fixture(scope="module")
def calibrated(trained: Trained) -> Calibrated:
    return calibrate(trained.fitted.model, trained.fitted.design, WORLD, trained.between_tasks, trained.seed)


@pytest.fixture(scope="module")
def tables(trained: Trained, calibrated: Calibrated) -> list[Table]:
    features = extract_all(query.prompt for query in WORLD.queries)
    notes: list[str] = []
    made = evaluate(WORLD, features, trained, calibrated, PRICES, folds=2, note=notes.append)
    assert notes == ["fold 1 of 2", "fold 2 of 2", "without knowledge", "without maths"]
    return made


def test_the_model_lies_between_random_and_the_oracle(tables: list[Table]) -> None:
    figures = {(row[0], row[2]): float(row[3]) for row in tables[3].rows}
    for dataset in ("mmlu", "gsm8k"):
        assert figures[dataset, "random"] < figures[dataset, "model"] < figures[dataset, "oracle"]


def test_a_set_too_small_for_a_figure_is_left_out(tables: list[Table]) -> None:
    assert "mt_bench" not in {row[0] for row in tables[3].rows}


def test_the_oracle_is_cheapest_at_full_quality(tables: list[Table]) -> None:
    at_full = {row[0]: row[-1] for row in tables[4].rows}
    assert float(at_full["oracle"]) < float(at_full["zero-router"]) == 100.0


def test_without_folds_only_the_test_split_is_shown(trained: Trained, calibrated: Calibrated) -> None:
    made = evaluate(WORLD, [], trained, calibrated, PRICES, folds=0, note=print)
    assert all("test split" in table.title for table in made)


def test_headline_figures_are_those_of_the_test_split(trained: Trained, calibrated: Calibrated) -> None:
    metrics = headline_metrics(WORLD, calibrated, calibrated.shrunk(trained.fitted.design))
    assert set(metrics) == {"apgr_mmlu", "apgr_gsm8k", "ece_mean", "brier_skill_mean"}
    assert metrics["brier_skill_mean"] > 0.05


def test_the_card_holds_every_table_and_names_no_host(
    trained: Trained, calibrated: Calibrated, tables: list[Table]
) -> None:
    card = model_card(WORLD, trained, calibrated, tables)
    assert all(f"## {table.title}" in card for table in tables)
    assert "virtual cores" in card
    assert "## Limits" in card
