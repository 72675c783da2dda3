"""What is usual, and who is slower than that."""

import random

import pytest

from gateway.core.latency import (
    GRAY,
    LATE_MAX,
    MEMORY,
    NOISE_S,
    Baseline,
    Slowness,
    share_of,
    slowness_scores,
)


def taught(samples: int = 200, *, base_s: float = 0.2, token_s: float = 0.0001) -> Baseline:
    baseline, rng = Baseline(), random.Random(7)
    for _ in range(samples):
        tokens = rng.randrange(50, 8_000)
        baseline.learn(tokens, base_s + token_s * tokens)
    return baseline


def test_nothing_is_expected_before_the_first_sample() -> None:
    baseline = Baseline()
    assert baseline.expected_s(1_000) == 0.0
    assert baseline.learn(1_000, 2.0) == 1.0
    assert baseline.expected_s(10) == pytest.approx(2.0)


@pytest.mark.parametrize("tokens", [100, 1_000, 8_000, 30_000])
def test_time_by_length_is_learnt(tokens: int) -> None:
    assert taught().expected_s(tokens) == pytest.approx(0.2 + 0.0001 * tokens, rel=0.05)


def test_a_long_prompt_is_not_slow_and_a_short_one_can_be() -> None:
    baseline = taught()
    assert baseline.learn(20_000, 2.2) == pytest.approx(1.0, rel=0.1)
    assert baseline.learn(100, 2.1) == pytest.approx(10.0, rel=0.1)


def test_lengths_that_are_all_alike_teach_no_slope() -> None:
    baseline = Baseline()
    for took_s in (0.9, 1.1) * 20:
        baseline.learn(500, took_s)
    assert baseline.expected_s(5_000) == pytest.approx(baseline.expected_s(500))


def test_a_length_below_all_seen_expects_some_time() -> None:
    baseline = taught(base_s=0.0, token_s=0.001)
    assert 0.0 < baseline.expected_s(0) < baseline.expected_s(4_000)


def test_outliers_hardly_move_what_is_usual() -> None:
    baseline = taught()
    usual_s = baseline.expected_s(1_000)
    for _ in range(10):
        assert baseline.learn(1_000, 100 * usual_s) > 80
    assert baseline.expected_s(1_000) < 1.5 * usual_s


def test_what_lasts_becomes_usual_in_the_end() -> None:
    baseline = taught(MEMORY)
    for _ in range(3 * MEMORY):
        baseline.learn(1_000, 0.6)
    assert baseline.expected_s(1_000) == pytest.approx(0.6, rel=0.1)


def test_differences_of_our_own_making_are_none() -> None:
    baseline = Baseline()
    baseline.learn(100, NOISE_S / 50)
    assert baseline.learn(100, NOISE_S) == 1.0


def test_an_average_reaches_back_for_seconds_not_for_samples() -> None:
    slowness = Slowness()
    slowness.observe(10.0, 100.0)
    slowness.observe(1.0, 100.0)
    assert slowness.ratio > 9.5, "one of many in the same moment counts for little"
    slowness.observe(1.0, 110.0)
    assert slowness.ratio < 1.1, "what was ten seconds ago hardly counts"


@pytest.mark.parametrize("late", [GRAY + 1.0, LATE_MAX, 1_000.0])
def test_one_late_request_makes_nobody_gray_however_late_it_is_and_a_row_of_them_does(late: float) -> None:
    slowness = Slowness()
    slowness.observe(1.0, 0.0)
    found = []
    for step in range(1, 20):
        slowness.observe(late, step * 10.0)
        found.append(slowness.ratio >= GRAY)
    assert found[:2] == [False, False]
    assert all(found[8:])


def test_who_was_slower_than_that_from_the_first_is_not_made_quicker_by_a_late_one() -> None:
    slowness = Slowness()
    slowness.observe(50.0, 0.0)
    slowness.observe(60.0, 10.0)
    assert slowness.ratio == 50.0


def test_each_is_compared_with_the_median_of_the_others() -> None:
    assert slowness_scores([1.0, 1.2, 10.0]) == pytest.approx([1.0 / 5.6, 1.2 / 5.5, 10.0 / 1.1])
    assert slowness_scores([10.0, 1.0]) == pytest.approx([10.0, 0.1])


@pytest.mark.parametrize("ratios", [[], [9.0], [0.0, 9.0], [0.0, 0.0]])
def test_alone_or_unknown_nobody_is_slow(ratios: list[float]) -> None:
    assert slowness_scores(ratios) == [1.0] * len(ratios)


def test_the_slower_the_smaller_the_share() -> None:
    assert [share_of(score) for score in (0.1, 1.0, 1.5, 3.0, GRAY, 50.0)] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert share_of(2.0) == pytest.approx(0.5625)
