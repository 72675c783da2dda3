"""The fit is the maximum it claims to be, and its covariance the curvature there."""

import math
from random import Random

import pytest

from gateway.core.ability_fit import (
    AbilityPrior,
    Observation,
    fit_ability,
    prior_of,
    shift_variance,
)
from gateway.domain.ability import Ability, sigmoid

PRIOR = AbilityPrior((0.0, 1.0), ((1.0, 0.2), (0.2, 0.5)))
PRECISION = ((0.5 / 0.46, -0.2 / 0.46), (-0.2 / 0.46, 1.0 / 0.46))


def reference(intercept: float, *loadings: float) -> Ability:
    return Ability("m", intercept, loadings, 0.1, 0.5, ("maths",))


def drawn(intercept: float, loading: float, count: int, seed: int) -> list[Observation]:
    chance = Random(seed)
    places = [chance.gauss(0, 1) for _ in range(count)]
    return [Observation((z,), chance.random() < sigmoid(intercept + loading * z)) for z in places]


def log_posterior(intercept: float, loading: float, answers: list[Observation]) -> float:
    away = (intercept - 0.0, loading - 1.0)
    pull = sum(away[i] * away[j] * PRECISION[i][j] for i in range(2) for j in range(2))
    logits = [intercept + loading * each.latent[0] for each in answers]
    signed = (x if each.is_right else -x for x, each in zip(logits, answers, strict=True))
    return sum(math.log(sigmoid(x)) for x in signed) - pull / 2


def test_nothing_near_the_fit_is_more_probable() -> None:
    answers = drawn(-0.5, 1.4, 60, 3)
    fit = fit_ability(answers, PRIOR)
    top = log_posterior(fit.intercept, fit.loadings[0], answers)
    for step in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, 0.01)):
        assert log_posterior(fit.intercept + step[0], fit.loadings[0] + step[1], answers) < top


def test_the_covariance_is_the_curvature_at_the_top() -> None:
    answers = drawn(-0.5, 1.4, 60, 3)
    fit = fit_ability(answers, PRIOR)
    b, a, step = fit.intercept, fit.loadings[0], 1e-4

    def second(i: int, j: int) -> float:
        total = 0.0
        for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            move = [s * (i == axis) + t * (j == axis) for axis in (0, 1)]
            total += s * t * log_posterior(b + step * move[0], a + step * move[1], answers)
        return -total / (4 * step * step)

    (p, q), (_, r) = (second(0, 0), second(0, 1)), (second(1, 0), second(1, 1))
    determinant = p * r - q * q
    wanted = [r / determinant, -q / determinant, p / determinant]
    found = [fit.covariance[0][0], fit.covariance[0][1], fit.covariance[1][1]]
    assert found == pytest.approx(wanted, rel=1e-3)
    assert fit.deviations()[0] == pytest.approx(math.sqrt(wanted[0]), rel=1e-3)


def test_without_answers_the_prior_is_all_there_is() -> None:
    fit = fit_ability([], PRIOR)
    assert (fit.intercept, *fit.loadings) == pytest.approx(PRIOR.mean)
    assert fit.covariance[0] == pytest.approx(PRIOR.covariance[0])


@pytest.mark.parametrize("is_right", [True, False])
def test_answers_all_alike_end_at_a_finite_ability(is_right: bool) -> None:
    fit = fit_ability([Observation((3.0,), is_right)] * 2_000, PRIOR)
    assert math.isfinite(fit.intercept)
    assert (fit.logit((3.0,)) > 2) is is_right


def test_many_answers_bring_the_fit_to_the_truth_and_the_interval_together() -> None:
    few, many = (fit_ability(drawn(-1.0, 1.5, count, 5), PRIOR) for count in (50, 5_000))
    errors = many.deviations()
    assert abs(many.intercept + 1.0) < 3 * errors[0]
    assert abs(many.loadings[0] - 1.5) < 3 * errors[1]
    assert errors[0] < few.deviations()[0] / 5


def test_however_few_the_steps_there_is_a_fit() -> None:
    answers = drawn(-3.0, 2.0, 100, 1)
    hasty, patient = fit_ability(answers, PRIOR, max_steps=1), fit_ability(answers, PRIOR)
    top = log_posterior(patient.intercept, patient.loadings[0], answers)
    assert log_posterior(0.0, 1.0, answers) < log_posterior(hasty.intercept, hasty.loadings[0], answers) < top


def test_a_logits_variance_grows_with_the_distance_from_what_was_asked() -> None:
    fit = fit_ability(drawn(0.0, 1.0, 200, 1), PRIOR)
    assert fit.logit_variance((0.0,)) == pytest.approx(fit.covariance[0][0])
    assert fit.logit_variance((4.0,)) > fit.logit_variance((0.0,))


def test_the_prior_is_what_the_references_are() -> None:
    prior = prior_of([reference(0.0, 1.0), reference(1.0, 2.0), reference(2.0, 3.0)])
    assert prior.mean == pytest.approx((1.0, 2.0))
    # 0.05² is the least deviation; off the diagonal a twentieth is taken away.
    assert prior.covariance[0] == pytest.approx((1.0025, 0.95))
    assert prior.covariance[1] == pytest.approx((0.95, 1.0025))


def test_two_references_are_no_prior() -> None:
    with pytest.raises(ValueError, match="three reference models at least, found 2"):
        prior_of([reference(0.0, 1.0), reference(1.0, 2.0)])


def test_the_shift_is_that_between_two_means_over_kinds_of_task() -> None:
    assert shift_variance(0.8, 6, 4) == pytest.approx(0.64 * (1 / 6 + 1 / 4))
    assert shift_variance(0.8, 0, 0) == pytest.approx(1.28)
