"""The simple routers that are tried learn what makes a query hard, each from what it reads."""

from pathlib import Path

import numpy as np
import pytest

from router_models.benchmarks import two_tier_queries
from router_models.tried.attempt import Cost, joined
from router_models.tried.heads import HALF_FLOAT_BYTES, Alternative, log_loss, with_pairs
from router_models.tried.workshop import Workshop
from router_models.workbench import Bench
from tests.support.routing_bench import a_bench

NAMES = ["words", "static", "encoder's last layer", "encoder's last three", "100 nearest", "kernel"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return a_bench(tmp_path_factory.mktemp("fits"), lambda _: None)


@pytest.fixture(scope="module")
def every(bench: Bench) -> list[Alternative]:
    return Workshop(bench, ()).alternatives


@pytest.mark.parametrize("name", NAMES)
def test_each_knows_more_of_unseen_queries_than_the_base_rate(
    bench: Bench, every: list[Alternative], name: str
) -> None:
    (each,) = [one for one in every if one.name.startswith(name)]
    rows = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu"))
    seen, unseen = rows[:250], rows[250:]
    fitted = each.fit(seen, bench.scores(seen, bench.pair()))
    chances = fitted.chances(unseen)
    assert chances.shape == (len(unseen), 2)
    assert ((chances > 0) & (chances < 1)).all()
    base = np.tile(bench.scores(seen, bench.pair()).mean(axis=0), (len(unseen), 1))
    came = bench.scores(unseen, bench.pair())
    assert log_loss(chances, came) < log_loss(base, came) - 0.02
    cost = fitted.cost(unseen)
    assert cost.size_bytes == fitted.numbers * HALF_FLOAT_BYTES > 0
    assert cost.serving_ms is not None
    assert cost.serving_ms > 0


def test_the_same_fit_says_the_same(bench: Bench, every: list[Alternative]) -> None:
    rows = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu"))
    for each in every:
        first, second = (each.fit(rows[:200], bench.scores(rows[:200], bench.pair())) for _ in range(2))
        assert np.array_equal(first.chances(rows[200:]), second.chances(rows[200:])), each.name


def test_pairs_are_of_words_that_follow_each_other(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, lambda _: None)
    (features,) = with_pairs(bench.fits.texts.features[:1], ["Plaina knottb plaina"])
    assert features.words - bench.fits.texts.features[0].words == {b"plaina knottb", b"knottb plaina"}


def test_a_wrong_chance_costs_more_than_an_honest_one() -> None:
    came = np.array([[1.0], [0.0]])
    assert log_loss(np.array([[0.9], [0.1]]), came) < log_loss(np.full((2, 1), 0.5), came)
    assert np.isfinite(log_loss(np.array([[0.0], [1.0]]), came))


def test_costs_of_several_are_joined() -> None:
    assert joined([Cost(10, 0.5), Cost(5)]) == Cost(15, 0.5)
