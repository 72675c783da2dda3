"""What graded probes say of a tier."""

import math

import pytest

from gateway.core.ability_fit import Observation, fit_ability, prior_of
from gateway.core.ability_measure import ScoredAnswer, measure
from gateway.core.reliability import GradedAnswer
from gateway.domain.ability import Ability, Score, sigmoid, unknown_score
from gateway.domain.calibration import CalibrationRequest, Catalogue

REFERENCES = {
    name: Ability(name, intercept, (1.0, 0.1 * intercept), 0.1, 0.5, tasks)
    for name, intercept, tasks in (("a", 0.0, ("maths",)), ("b", 1.0, ("maths", "code")), ("c", -1.0, ("chat",)))
}


def catalogue(*places: tuple[float, float]) -> Catalogue:
    requests = tuple(CalibrationRequest(Score(place, 1.0, "s"), 10) for place in places)
    return Catalogue(REFERENCES, {}, {}, (*requests, CalibrationRequest(unknown_score("s"), 10)), "")


def answered(kind: str, is_right: bool, latent: tuple[float, ...] = (0.5, -0.5)) -> ScoredAnswer:
    score = Score(latent, 1.0, "s") if latent else unknown_score("s")
    return ScoredAnswer(GradedAnswer("f", kind, 1, is_right), score)


def test_the_prior_of_a_tier_is_its_mean_over_the_calibration_requests() -> None:
    found = measure([answered("x", True)] * 20, catalogue((0.0, 0.0), (2.0, 1.0)), 0.8)
    logits = [found.fit.logit(place) for place in ((0.0, 0.0), (2.0, 1.0))]
    assert found.prior == pytest.approx(sum(map(sigmoid, logits)) / 2)
    variances = [found.fit.logit_variance(place) for place in ((0.0, 0.0), (2.0, 1.0))]
    assert found.own_error == pytest.approx(math.sqrt(sum(variances) / 2))


def test_without_calibration_requests_the_middle_stands_for_them() -> None:
    found = measure([answered("x", True)] * 20, catalogue(), 0.8)
    assert found.prior == pytest.approx(sigmoid(found.fit.intercept))
    assert found.own_error == pytest.approx(found.fit.deviations()[0])


def test_what_the_scorer_does_not_know_is_no_part_of_the_fit() -> None:
    known = [answered("x", True), answered("y", False)]
    found = measure([*known, answered("z", False, latent=())], catalogue(), 0.8)
    wanted = fit_ability([Observation((0.5, -0.5), right) for right in (True, False)], prior_of(REFERENCES.values()))
    assert found.fit == wanted
    assert found.used == 2
    assert found.kinds == ("x", "y")


def test_the_error_counts_that_probes_are_not_the_traffic() -> None:
    found = measure([answered(kind, True) for kind in "xyzw"], catalogue(), 0.8)
    assert found.shift_error == pytest.approx(0.8 * math.sqrt(1 / 4 + 1 / 3))
    assert found.standard_error == pytest.approx(math.hypot(found.own_error, found.shift_error))
