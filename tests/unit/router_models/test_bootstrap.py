"""Intervals by resampling, on data whose answer is known."""

import numpy as np
import pytest

from router_models.bootstrap import Interval, Ranking, apgr_samples, codes_of, draws, interval, standing
from router_models.measures import apgr

ALONE = np.arange(2_000)


def _world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    weak = (chance.random(2_000) < 0.6).astype(np.float64)
    strong = (chance.random(2_000) < 0.8).astype(np.float64)
    return chance.random(2_000), weak, strong


def test_every_draw_takes_as_many_groups_as_there_are() -> None:
    counts = list(draws(50, 0, 20))
    assert len(counts) == 20
    assert {each.sum() for each in counts} == {50.0}
    assert any((each == 0).any() for each in counts)


def test_a_draw_in_which_each_group_comes_once_has_the_plain_apgr() -> None:
    score, weak, strong = _world()
    (samples,) = apgr_samples([[Ranking(score, strong - weak, np.zeros(2_000, np.intp))]], 0, 5)
    assert samples == pytest.approx(apgr(score, weak, strong))


def test_the_interval_of_a_random_ranking_holds_a_half() -> None:
    score, weak, strong = _world()
    (samples,) = apgr_samples([[Ranking(score, strong - weak, ALONE)]], 0, 200)
    found = interval(apgr(score, weak, strong), samples)
    assert found.low < 0.5 < found.high
    assert 0.02 < found.high - found.low < 0.2


def test_a_router_does_not_differ_from_itself_and_beats_a_worse_one_in_every_draw() -> None:
    score, weak, strong = _world()
    gain = strong - weak
    better = gain + score
    rankings = [[Ranking(each, gain, ALONE)] for each in (better, better, score)]
    ours, same, worse = apgr_samples(rankings, 0, 100)
    assert ours.tolist() == same.tolist()
    assert (ours > worse).all()


def test_the_mean_over_fits_is_taken_draw_by_draw() -> None:
    score, weak, strong = _world()
    first, second = (Ranking(each, strong - weak, ALONE) for each in (score, 1 - score))
    one, other, both = apgr_samples([[first], [second], [first, second]], 0, 20)
    assert both == pytest.approx((one + other) / 2)


def test_queries_of_one_group_are_drawn_together() -> None:
    codes = codes_of(np.array(["b", "a", "b"]))
    assert codes[0] == codes[2] != codes[1]
    gain = np.array([1.0, 1.0])
    (samples,) = apgr_samples([[Ranking(np.array([1.0, 0.0]), gain, np.array([0, 0]))]], 0, 5)
    assert samples == pytest.approx(0.5)


def test_a_draw_without_a_gap_teaches_nothing() -> None:
    (samples,) = apgr_samples([[Ranking(np.zeros(3), np.array([0.0, 0.0, -1.0]), np.arange(3))]], 0, 10)
    assert set(samples) == {0.5}


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.02, "better"),
        (-0.005, 0.02, "not inferior"),
        (-0.02, 0.02, "not shown to be no worse"),
        (-0.05, -0.02, "inferior"),
    ],
)
def test_a_lead_is_told_in_words(low: float, high: float, told: str) -> None:
    assert standing(Interval((low + high) / 2, low, high)) == told
