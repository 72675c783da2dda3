"""Bounds of a loss from graded outcomes, held against SciPy and against their own promise."""

import random

import pytest
from scipy import special, stats

from gateway.core.gate import ERROR, binomial_cdf, clopper_pearson, gate_of, hoeffding_bentkus


@pytest.mark.parametrize("trials", [1, 2, 10, 137, 5_000])
@pytest.mark.parametrize("chance", [1e-6, 0.01, 0.3, 0.5, 0.97])
def test_the_binomial_distribution_is_scipys(trials: int, chance: float) -> None:
    for successes in {0, 1, trials // 3, trials // 2, trials - 1, trials}:
        assert binomial_cdf(successes, trials, chance) == pytest.approx(
            float(special.bdtr(successes, trials, chance)), abs=1e-11
        )


def test_chances_that_are_none_are_certain() -> None:
    assert binomial_cdf(0, 10, 0.0) == 1.0
    assert binomial_cdf(9, 10, 1.0) == 0.0
    assert binomial_cdf(10, 10, 1.0) == 1.0


@pytest.mark.parametrize(("failures", "trials"), [(0, 1), (0, 300), (5, 225), (50, 1_000), (999, 1_000), (7, 7)])
@pytest.mark.parametrize("error", [0.05, 0.1])
def test_the_exact_bound_is_scipys(failures: int, trials: int, error: float) -> None:
    wanted = 1.0 if failures == trials else float(special.betaincinv(failures + 1, trials - failures, 1.0 - error))
    assert clopper_pearson(failures, trials, error) == pytest.approx(wanted, abs=1e-10)


def test_the_bound_for_any_scores_is_the_lesser_of_its_two_parts() -> None:
    mean, trials, risk = 0.02, 400, 0.05
    divergence = float(stats.entropy([mean, 1.0 - mean], [risk, 1.0 - risk]))
    hoeffding = 2.718281828459045 ** (-trials * divergence)
    bentkus = 2.718281828459045 * float(special.bdtr(8, trials, risk))
    assert hoeffding_bentkus(mean, trials, risk) == pytest.approx(min(hoeffding, bentkus), rel=1e-9)
    assert hoeffding_bentkus(0.0, trials, risk) == pytest.approx((1.0 - risk) ** trials, rel=1e-9)
    assert hoeffding_bentkus(risk, trials, risk) == 1.0
    assert hoeffding_bentkus(0.5, 2, 1.0) == 0.0


def test_what_may_be_lost_is_what_still_certifies() -> None:
    gate = gate_of([1.0] * 200 + [0.0] * 100, is_exact=True)
    allowed = gate.allowance(0.95)
    assert allowed is not None
    assert gate.quality_low(allowed) >= 0.95 > gate.quality_low(allowed + 1)
    assert allowed == 4.0


def test_what_may_be_lost_of_any_scores_is_what_still_certifies() -> None:
    gate = gate_of([1.0] * 200 + [0.5] * 100, is_exact=False)
    allowed = gate.allowance(0.9)
    assert allowed is not None
    assert 0.9 <= gate.quality_low(allowed) <= 0.902
    assert gate.certifies(allowed, 0.9)
    assert not gate.certifies(allowed + 1e-6, 0.9)
    assert gate.mass_low < gate.mass == 250.0


def test_the_exact_bound_is_the_narrower() -> None:
    exact, general = (gate_of([1.0] * 200 + [0.0] * 100, is_exact=is_exact) for is_exact in (True, False))
    assert exact.quality_low(3.0) > general.quality_low(3.0)


def test_too_few_good_answers_certify_nothing() -> None:
    assert gate_of([1.0] * 58, is_exact=True).allowance(0.95) is None
    assert gate_of([1.0] * 59, is_exact=True).allowance(0.95) == 0.0
    assert gate_of([], is_exact=True).allowance(0.5) is None
    assert gate_of([1.0] * 59, is_exact=True).allowance(1.0) is None


def test_when_everything_is_lost_nothing_is_kept() -> None:
    assert gate_of([1.0, 0.0], is_exact=True).quality_low(1.0) == 0.0
    assert gate_of([0.0, 0.0], is_exact=True).quality_low(0.0) == 0.0


def _certified_wrongly(quality: float, draw_loss: float, grade: float, runs: int, requests: int) -> float:
    """Return how often a router that truly keeps a little less than `quality` is certified."""
    chance, wrong = random.Random(11), 0
    for _ in range(runs):
        strong = [grade if chance.random() < 0.8 else 0.0 for _ in range(requests)]
        lost = sum(score for score in strong if chance.random() < draw_loss)
        wrong += gate_of(strong, is_exact=grade == 1.0).quality_low(lost) >= quality
    return wrong / runs


@pytest.mark.parametrize("grade", [1.0, 0.7])
def test_a_certificate_is_wrong_no_more_often_than_it_says(grade: float) -> None:
    assert _certified_wrongly(0.9, 0.1, grade, runs=400, requests=300) <= ERROR + 0.02
