"""Which graded answers speak for a route."""

from dataclasses import replace

import pytest

from gateway.core.evidence import LEAST_GRADED, find_evidence
from gateway.domain.calibration import Catalogue, Graded
from gateway.domain.dial import Aim
from tests.support.graded import STRONG, WEAK, a_catalogue, a_pair

GRADED = a_catalogue()
TOP = 1


def _with_scores(catalogue: Catalogue, reference: str, scores: list[float]) -> Catalogue:
    graded = Graded(catalogue.graded.requests, {**catalogue.graded.scores, reference: scores})
    return replace(catalogue, graded=graded)


def test_what_all_tiers_were_graded_on_is_evidence() -> None:
    evidence = find_evidence(a_pair(), TOP, Aim(0.9), GRADED)
    assert evidence is not None
    assert len(evidence.rows) == 1_500
    assert evidence.tasks == {"maths"}
    assert evidence.gate.is_exact
    assert evidence.quality(0.0) == 1.0 - evidence.lost.at(0.0) / evidence.gate.mass


def test_a_loss_is_what_the_strongest_would_have_got_right() -> None:
    evidence = find_evidence(a_pair(), TOP, Aim(), GRADED)
    assert evidence is not None
    weak, strong = (GRADED.graded.scores[name] for name in ("weak", "strong"))
    assert [each[0] for each in evidence.losses] == [max(0.0, s - w) for w, s in zip(weak, strong, strict=True)]
    assert all(each[1] == 0.0 for each in evidence.losses)


def test_everything_to_the_strongest_loses_nothing_for_certain() -> None:
    always = replace(WEAK, intercept=-9.0)
    catalogue = replace(GRADED, references={**GRADED.references, "weak": always})
    evidence = find_evidence(a_pair(always), TOP, Aim(), catalogue)
    assert evidence is not None
    assert evidence.quality_low(0.0) == 1.0
    assert evidence.quality_low(1e9) < 0.9


def test_requests_that_a_tier_was_not_graded_on_do_not_count() -> None:
    half = [float("nan") if at % 2 else 1.0 for at in range(1_500)]
    evidence = find_evidence(a_pair(), TOP, Aim(), _with_scores(GRADED, "weak", half))
    assert evidence is not None
    assert len(evidence.rows) == 750


def test_any_score_between_right_and_wrong_asks_for_the_wider_bound() -> None:
    evidence = find_evidence(a_pair(), TOP, Aim(), _with_scores(GRADED, "weak", [0.5] * 1_500))
    assert evidence is not None
    assert not evidence.gate.is_exact


@pytest.mark.parametrize("changed", [replace(WEAK, intercept=1.1), replace(WEAK, reference="")])
def test_a_tier_that_is_not_exactly_a_reference_has_no_graded_answers(changed: object) -> None:
    assert isinstance(changed, type(WEAK))
    assert find_evidence(a_pair(changed), TOP, Aim(), GRADED) is None


def test_a_reference_without_graded_answers_is_no_evidence() -> None:
    graded = Graded(GRADED.graded.requests, {"weak": GRADED.graded.scores["weak"]})
    assert find_evidence(a_pair(), TOP, Aim(), replace(GRADED, graded=graded)) is None


def test_too_few_requests_are_no_evidence() -> None:
    assert find_evidence(a_pair(), TOP, Aim(), a_catalogue(requests=LEAST_GRADED - 1)) is None
    spread_thin = tuple(f"kind {at}" for at in range(30))
    assert find_evidence(a_pair(), TOP, Aim(), a_catalogue(requests=1_200, tasks=spread_thin)) is None


def test_requests_too_few_for_the_quality_are_no_evidence() -> None:
    few = a_catalogue(requests=150)
    assert find_evidence(a_pair(), TOP, Aim(0.9), few) is not None
    assert find_evidence(a_pair(), TOP, Aim(0.999), few) is None


def test_a_strongest_tier_that_got_nothing_right_is_no_evidence() -> None:
    hopeless = _with_scores(GRADED, "strong", [0.0] * 1_500)
    assert find_evidence(a_pair(), TOP, Aim(), hopeless) is None
    assert STRONG.prior > WEAK.prior
