"""The protocol for the guarantee, where the truth is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from router_models.guarantee import Bound, guarantee, hypergeometric_cdf, violations
from router_models.scientific import Doubles

N = 4_000
ALPHA = 0.15


def _graded(seed: int, slope: float) -> tuple[Doubles, NDArray[np.bool_]]:
    """Draw scores, and violations whose chance rises with them from 0.05 on: by `slope` at a score of 1."""
    chance = np.random.default_rng(seed)
    need = chance.random(N)
    return need, chance.random(N) < 0.05 + slope * need


def test_a_violation_is_a_loss_or_a_mere_mistake() -> None:
    weak, strong = np.array([1.0, 0.0, 0.0, 0.4]), np.array([0.0, 0.0, 1.0, 0.9])
    assert violations(weak, strong).tolist() == [False, False, True, True]
    assert violations(weak, strong, relative=False).tolist() == [False, True, True, True]


def test_what_is_sent_comes_near_what_could_be() -> None:
    """The rate below a threshold t is 0.05 + 0.2·t, so α = 0.15 allows half of the traffic."""
    need, violated = _graded(1, 0.4)
    found = guarantee(need, violated, ALPHA, runs=60)
    assert 0.35 < found.share < 0.55
    assert found.violation < ALPHA
    assert found.feasible == 1.0
    assert found.base_rate == pytest.approx(0.25, abs=0.03)


def test_the_long_run_rate_is_exceeded_no_more_often_than_promised() -> None:
    """Each run on data of its own, so that the true rate of the threshold found is known."""
    wrong = 0
    for seed in range(120):
        need, violated = _graded(seed, 0.4)
        share = guarantee(need, violated, ALPHA, runs=1, seed=seed).share
        wrong += 0.05 + 0.2 * share > ALPHA + 0.005
    assert wrong / 120 <= 0.1


def test_the_rate_seen_in_the_test_half_is_exceeded_no_more_often_than_promised() -> None:
    need, violated = _graded(5, 0.4)
    seen = guarantee(need, violated, ALPHA, bound=Bound.SEEN, runs=200)
    rate = guarantee(need, violated, ALPHA, bound=Bound.RATE, runs=200)
    assert seen.exceeded <= 0.1 + 2 * 0.021, "0.021 is the standard error of 200 runs"
    assert seen.share < rate.share
    assert seen.exceeded <= rate.exceeded


def test_what_cannot_be_certified_sends_nothing() -> None:
    chance = np.random.default_rng(2)
    found = guarantee(chance.random(N), chance.random(N) < 0.5, ALPHA, runs=5)
    assert (found.share, found.violation, found.feasible, found.exceeded) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("bound", Bound)
def test_what_never_fails_may_all_be_sent(bound: Bound) -> None:
    need = np.random.default_rng(3).random(N)
    found = guarantee(need, np.zeros(N, bool), ALPHA, bound=bound, runs=3)
    assert found.share > 0.99


def test_a_half_that_cannot_exceed_alpha_is_safe() -> None:
    need = np.random.default_rng(4).random(40)
    assert guarantee(need, np.ones(40, bool), 1.0, bound=Bound.SEEN, runs=2).share == pytest.approx(1.0, abs=0.1)


def test_the_same_seed_gives_the_same_figures() -> None:
    need, violated = _graded(6, 0.4)
    assert guarantee(need, violated, ALPHA, runs=5) == guarantee(need, violated, ALPHA, runs=5)


@pytest.mark.parametrize(("found", "items", "marked", "drawn"), [(3, 50, 10, 20), (0, 50, 10, 20), (9, 20, 12, 15)])
def test_the_hypergeometric_distribution_counts_the_ways(found: int, items: int, marked: int, drawn: int) -> None:
    ways = sum(math.comb(marked, at) * math.comb(items - marked, drawn - at) for at in range(found + 1))
    assert hypergeometric_cdf(found, items, marked, drawn) == pytest.approx(ways / math.comb(items, drawn), rel=1e-9)
