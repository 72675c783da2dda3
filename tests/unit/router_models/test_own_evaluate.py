"""Judging a model of own outcomes on a small world whose truth is known."""

from dataclasses import replace

import numpy as np

from router_models.calibrate import calibrate
from router_models.low_rank import Settings
from router_models.own_evaluate import extremes, own_metrics, own_tables
from router_models.train import train
from tests.support.routing_world import a_world

WORLD = a_world(1_500)


def test_the_weakest_and_the_strongest_are_known_without_the_test_split() -> None:
    assert extremes(WORLD) == (0, 4)
    test = WORLD.where(split="test")
    assert extremes(replace(WORLD, score=np.where(test[:, None], 1 - WORLD.score, WORLD.score))) == (0, 4)


def test_a_model_of_own_outcomes_beats_random_choice_and_stays_below_the_oracle() -> None:
    trained = train(WORLD, Settings(latent=2, iterations=60))
    calibrated = calibrate(trained.fitted.model, trained.fitted.design, WORLD, trained.between_tasks, trained.seed)
    chance = calibrated.shrunk(trained.fitted.design)
    pair, calibration = own_tables(WORLD, calibrated, chance, 1)
    figures = {row[2]: float(row[3]) for row in pair.rows}
    assert figures["random"] < figures["model"] < figures["oracle"]
    assert f"{own_metrics(WORLD, chance)['apgr_own']:.3f}" == f"{figures['model']:.3f}"
    assert [row[0] for row in calibration.rows] == list(WORLD.references)


def test_too_few_test_queries_give_no_figure() -> None:
    small = a_world(60)
    trained = train(small, Settings(latent=2, iterations=5))
    calibrated = calibrate(trained.fitted.model, trained.fitted.design, small, trained.between_tasks, trained.seed)
    chance = calibrated.shrunk(trained.fitted.design)
    assert own_metrics(small, chance) == {}
    (calibration,) = own_tables(small, calibrated, chance, 1)
    assert {row[2] for row in calibration.rows} == {"too few"}
