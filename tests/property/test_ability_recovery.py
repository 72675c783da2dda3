"""Servers of known ability are recovered: what the intervals say is true about as often as they say it.

All draws are seeded, so each of these passes or fails for good. The bounds are those within which a share of so many
trials lies with 99.9 % probability when the intervals are honest; intervals half as wide fall out of them.
"""

import math
from dataclasses import replace
from functools import cache
from random import Random

from gateway.core.ability_fit import shift_variance
from gateway.core.ability_measure import Measured, ScoredAnswer, measure
from gateway.core.probes.plan import plan
from gateway.core.reliability import GradedAnswer
from gateway.domain.ability import Z_95, Ability, Score, acceptance
from tests.support.able_models import ARTEFACT, SCORER, an_able, chance_of

CATALOGUE = replace(ARTEFACT.catalogue, requests=ARTEFACT.catalogue.requests[::20])
"""A hundred of the calibration requests: enough for means, and quicker."""
PROBES = plan(1, 300)
SCORES = [SCORER.score_text(probe.task.text) for probe in PROBES]
REFERENCES = list(CATALOGUE.references.values())[::2]
HELD_OUT = [request.score for request in CATALOGUE.requests if request.score.familiarity == 1.0]
BETWEEN = ARTEFACT.manifest.between_task_deviation
NOMINAL = 0.9
NEARLY_SURE = 3.29
"""The normal's quantile for 99.9 %, both sides."""


def measured(ability: Ability, seed: int, offsets: dict[str, float] | None = None) -> Measured:
    """Probe a server of that ability; `offsets` moves its logit on kinds of probes."""
    chance = Random(seed)
    answers = []
    for probe, score in zip(PROBES, SCORES, strict=True):
        moved = 0.0 if offsets is None else offsets[probe.kind]
        able = Ability("", ability.intercept + moved, ability.loadings, 0.0, 0.5, ())
        is_right = chance.random() < chance_of(able, score.latent)
        answers.append(ScoredAnswer(GradedAnswer(probe.family, probe.kind, probe.level, is_right), score))
    return measure(answers, CATALOGUE, BETWEEN)


@cache
def trials() -> list[tuple[Ability, Measured]]:
    return [(each, measured(each, seed)) for seed, each in enumerate(REFERENCES)]


def bounds(count: int) -> tuple[float, float]:
    """Return where a share of `count` honest trials lies with 99.9 % probability (normal approximation)."""
    margin = NEARLY_SURE * math.sqrt(NOMINAL * (1 - NOMINAL) / count)
    return NOMINAL - margin, NOMINAL + margin


def test_the_true_intercept_lies_in_its_interval_as_often_as_it_says() -> None:
    inside = [abs(found.fit.intercept - true.intercept) <= Z_95 * found.fit.deviations()[0] for true, found in trials()]
    low, high = bounds(len(inside))
    assert low <= sum(inside) / len(inside) <= high


def test_the_acceptance_of_held_out_requests_lies_in_its_interval_as_often_as_it_says() -> None:
    """Requests of one trial err together, so the count of trials, not of requests, sets the tolerance."""
    shares = []
    for true, found in trials():
        errors = [abs(found.fit.logit(score.latent) - _logit(true, score.latent)) for score in HELD_OUT]
        shares.append(sum(error <= Z_95 * found.own_error for error in errors) / len(errors))
    low, _ = bounds(len(shares))
    assert low <= sum(shares) / len(shares) < 1.0


def test_intervals_half_as_wide_would_be_found_out() -> None:
    inside = [
        abs(found.fit.intercept - true.intercept) <= Z_95 * found.fit.deviations()[0] / 2 for true, found in trials()
    ]
    assert sum(inside) / len(inside) < bounds(len(inside))[0]


def test_with_the_shift_counted_in_the_interval_holds_where_kinds_of_task_differ() -> None:
    """The truth is a server's mean offset over the served kinds; each kind of probe has an offset of its own."""
    inside = []
    served = len({task for each in CATALOGUE.references.values() for task in each.tasks})
    for seed, true in enumerate(REFERENCES):
        chance = Random(f"kinds {seed}")
        offsets = {kind: chance.gauss(0.0, BETWEEN) for kind in sorted({probe.kind for probe in PROBES})}
        on_traffic = sum(chance.gauss(0.0, BETWEEN) for _ in range(served)) / served
        found = measured(true, seed, offsets)
        error = abs(found.fit.intercept - true.intercept - on_traffic)
        inside.append(error <= Z_95 * math.hypot(found.fit.deviations()[0], found.shift_error))
    low, high = bounds(len(inside))
    assert low <= sum(inside) / len(inside) <= high
    assert found.shift_error == math.sqrt(shift_variance(BETWEEN, len(offsets), served))


def test_two_servers_of_different_ability_come_out_in_order_with_disjoint_intervals() -> None:
    weak, strong = an_able(-1.5), an_able(1.5)
    for seed in range(4):
        low, high = measured(weak, seed), measured(strong, 100 + seed)
        assert low.fit.intercept + Z_95 * low.fit.deviations()[0] < high.fit.intercept - Z_95 * high.fit.deviations()[0]
        assert low.prior < high.prior


def test_a_stronger_server_is_never_said_to_be_weaker_with_confidence() -> None:
    """Over all pairs of references that differ by a quarter: no interval of 99.9 % lies wholly on the wrong side."""
    ends = [(true.prior, found.fit.intercept, NEARLY_SURE * found.fit.deviations()[0]) for true, found in trials()]
    wrong = [(a, b) for a, x, i in ends for b, y, j in ends if a > b + 0.25 and x + i < y - j]
    assert wrong == []


def _logit(ability: Ability, latent: tuple[float, ...]) -> float:
    p = acceptance(Ability("", ability.intercept, ability.loadings, 0.0, 0.5, ()), _certain(latent))
    return math.log(p / (1.0 - p))


def _certain(latent: tuple[float, ...]) -> Score:
    return Score(latent, 1.0, "test")
