"""λ from graded answers, and from a budget."""

import random
from dataclasses import replace

import pytest

from gateway.core.choices import lay_out
from gateway.core.dial import choose_dial
from gateway.domain.ability import Ability, Score
from gateway.domain.calibration import CalibrationRequest, Catalogue, Graded
from gateway.domain.dial import Aim, Certificate, SetBy, WhenUncertified, WhenUnknown
from tests.support.graded import WEAK, a_catalogue, a_pair, as_the_model_says
from tests.support.tiers import a_tier

MODELLED = a_catalogue()


def _worse_than_modelled(ability: Ability, score: Score, chance: random.Random) -> float:
    """Grade the cheap model wrong at every second request, whatever the model says."""
    return float(chance.random() < 0.5) if ability is WEAK else 1.0


def test_graded_answers_certify_what_they_bear_out() -> None:
    dial = choose_dial(a_pair(), Aim(0.95), MODELLED)
    assert (dial.certificate, dial.set_by) == (Certificate.OUTCOMES, SetBy.QUALITY)
    assert dial.graded is not None
    assert (dial.graded.requests, dial.graded.tasks) == (1_500, ("maths",))
    assert 0.95 <= dial.quality_low == dial.graded.quality_low <= dial.quality
    assert dial.shares[0] > 0.2


def test_graded_answers_overrule_a_model_that_is_too_hopeful() -> None:
    belied = a_catalogue(_worse_than_modelled)
    ungraded = replace(belied, graded=Graded())
    assert choose_dial(a_pair(), Aim(0.9), ungraded).certificate is Certificate.MODEL
    dial = choose_dial(a_pair(), Aim(0.9), belied)
    assert dial.shares[0] < choose_dial(a_pair(), Aim(0.9), ungraded).shares[0] / 2


def test_kinds_of_task_without_graded_answers_go_by_the_models_interval() -> None:
    catalogue = a_catalogue(tasks=("maths", "chat"), graded_tasks=("maths",))
    dial = choose_dial(a_pair(), Aim(0.95), catalogue)
    assert dial.certificate is Certificate.MIXED
    assert dial.graded is not None
    assert dial.graded.tasks == ("maths",)
    unsure = replace(WEAK, standard_error=3.0)
    catalogue = replace(catalogue, references={**catalogue.references, "weak": unsure})
    assert choose_dial(a_pair(unsure), Aim(0.95), catalogue).shares[0] < dial.shares[0] / 2


def test_a_model_that_fails_where_the_strongest_does_not_certifies_nothing() -> None:
    hopeless = a_catalogue(lambda ability, *_: float(ability is not WEAK))
    strict = choose_dial(a_pair(), Aim(0.99, when_uncertified=WhenUncertified.STRONGEST), hopeless)
    assert (strict.certificate, strict.strongest_only, strict.set_by) == (Certificate.NONE, True, SetBy.NOTHING)


def test_best_effort_without_a_λ_that_did_well_keeps_to_the_strongest() -> None:
    """The cheap tier is thought the better one by a hair, so that λ = 0 already uses it; and it gets all wrong."""
    proud = replace(WEAK, intercept=9.0, prior=0.5)
    catalogue = a_catalogue(lambda ability, *_: float(ability is not WEAK))
    catalogue = replace(catalogue, references={**catalogue.references, "weak": proud})
    dial = choose_dial(a_pair(proud), Aim(0.95), catalogue)
    assert (dial.strongest_only, dial.certificate) == (True, Certificate.NONE)


def test_best_effort_goes_as_far_as_the_graded_answers_did() -> None:
    unsure = replace(WEAK, standard_error=3.0)
    catalogue = a_catalogue(tasks=("maths", "chat"), graded_tasks=("maths",))
    catalogue = replace(catalogue, references={**catalogue.references, "weak": unsure})
    dial = choose_dial(a_pair(unsure), Aim(0.999), catalogue)
    assert not dial.certified
    assert dial.quality >= 0.999 > dial.quality_low


def test_three_tiers_are_bound_by_what_each_request_lost() -> None:
    middle = Ability("middle", 2.0, (0.8,), 0.1, 0.85, ("maths",))
    chance = random.Random(5)
    requests = MODELLED.graded.requests
    scores = {**MODELLED.graded.scores, "middle": [as_the_model_says(middle, r.score, chance) for r in requests]}
    catalogue = replace(MODELLED, references={**MODELLED.references, "middle": middle}, graded=Graded(requests, scores))
    cheap, dear = a_pair()
    tiers = (cheap, a_tier("mid", 1, ability=middle, output_usd_pico=3_000_000), dear)
    dial = choose_dial(tiers, Aim(0.93), catalogue)
    assert dial.certificate is Certificate.OUTCOMES
    rows = lay_out(tiers, 2, requests, WhenUnknown.PRIOR)
    columns = [scores[name] for name in ("weak", "middle", "strong")]
    lost = sum(max(0.0, columns[2][at] - columns[row.choice(dial.value)][at]) for at, row in enumerate(rows))
    assert 1.0 - lost / sum(columns[2]) >= dial.quality_low >= 0.93


@pytest.mark.parametrize("budget", [0.15, 0.4, 0.8])
def test_a_budget_is_spent_and_not_exceeded(budget: float) -> None:
    dial = choose_dial(a_pair(), Aim(budget=budget), MODELLED)
    assert (dial.set_by, dial.certificate) == (SetBy.BUDGET, Certificate.NONE)
    assert budget - 0.01 <= dial.cost_share <= budget


def test_a_budget_below_the_cheapest_tier_gets_the_cheapest() -> None:
    dial = choose_dial(a_pair(), Aim(budget=0.01), MODELLED)
    assert dial.shares == (1.0, 0.0)
    assert dial.cost_share == pytest.approx(0.1)


def test_a_budget_of_everything_keeps_to_the_strongest() -> None:
    dial = choose_dial(a_pair(), Aim(budget=1.0), MODELLED)
    assert (dial.strongest_only, dial.cost_share) == (True, 1.0)


def test_of_quality_and_budget_the_one_that_binds_sets_the_dial() -> None:
    by_quality = choose_dial(a_pair(), Aim(0.95), MODELLED)
    ample = choose_dial(a_pair(), Aim(0.95, budget=0.99), MODELLED)
    assert ample == by_quality
    tight = choose_dial(a_pair(), Aim(0.95, budget=by_quality.cost_share / 2), MODELLED)
    assert tight.set_by is SetBy.BUDGET
    assert tight.cost_share <= by_quality.cost_share / 2
    assert not tight.certified
    assert tight.value > by_quality.value


def test_unknown_requests_count_as_the_route_treats_them() -> None:
    unknown = tuple(CalibrationRequest(Score((), 0.0, "test"), 1_000) for _ in range(50))
    catalogue = Catalogue({}, {}, {}, unknown, "")
    bold = choose_dial(a_pair(), Aim(dial=1e9), catalogue)
    careful = choose_dial(a_pair(), Aim(dial=1e9, when_unknown=WhenUnknown.STRONGEST), catalogue)
    assert (bold.shares, bold.strongest_when_unknown) == ((1.0, 0.0), False)
    assert (careful.shares, careful.strongest_when_unknown) == ((0.0, 1.0), True)
