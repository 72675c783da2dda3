"""Judging a router of own outcomes on a small world whose truth is known."""

from router_models.data import Outcomes
from router_models.low_rank import Settings
from router_models.own_evaluate import own_tables
from router_models.router import Router, fit_router
from router_models.train import in_training
from tests.support.routing_texts import a_reader, pools_of
from tests.support.routing_world import a_world

SEED = 1


def _router(world: Outcomes, steps: int) -> Router:
    pools = pools_of(world)
    texts = a_reader(pools).read([query.prompt for query in world.queries], pools)
    return fit_router(world, texts, in_training(world), Settings(latent=2, iterations=steps), seed=SEED)


def test_a_router_of_own_outcomes_beats_random_choice_and_stays_below_the_oracle() -> None:
    world = a_world(1_500)
    pair, calibration = own_tables(world, _router(world, 40), SEED)
    figures = {row[0]: float(row[2].split(" ")[0]) for row in pair.rows}
    assert list(figures) == ["folded", "static", "encoder", "length", "random", "oracle"]
    assert figures["random"] < figures["encoder"] < figures["oracle"]
    assert [row[0] for row in calibration.rows] == list(world.references)


def test_too_few_test_queries_give_no_figure() -> None:
    small = a_world(60)
    (calibration,) = own_tables(small, _router(small, 5), SEED)
    assert {row[2] for row in calibration.rows} == {"too few"}
