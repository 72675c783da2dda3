"""What a λ is expected to do, from graded answers and from the model."""

import pytest

from gateway.core.expectation import expect, lay_ground, strongest_only
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim, Certificate, SetBy
from tests.support.graded import a_catalogue, a_pair


def test_each_kind_of_task_is_judged_on_one_side_only() -> None:
    ground = lay_ground(a_pair(), Aim(0.9), a_catalogue(tasks=("maths", "chat"), graded_tasks=("maths",)))
    assert sum(ground.is_unseen) == len(ground.unseen) == len(ground.ends) == len(ground.rows) // 2
    assert 0.0 < ground.seen_top_p < ground.top_p
    assert ground.unseen_p(0, 1) == 0.0
    assert ground.unseen_p(1, 1) == ground.rows[1].p[1]


def test_the_expected_quality_joins_both_sides() -> None:
    ground = lay_ground(a_pair(), Aim(0.9), a_catalogue(tasks=("maths", "chat"), graded_tasks=("maths",)))
    dial = expect(ground, 1e9, SetBy.DIAL)
    assert ground.evidence is not None
    modelled = sum(row.p[0] for row in ground.unseen)
    assert dial.quality == pytest.approx((ground.seen_top_p * ground.evidence.quality(1e9) + modelled) / ground.top_p)
    assert dial.shares == (1.0, 0.0)


def test_without_calibration_requests_nothing_is_sure() -> None:
    dial = expect(lay_ground(a_pair(), Aim(0.9), Catalogue({}, {}, {}, (), "")), 5.0, SetBy.DIAL)
    assert (dial.certificate, dial.quality_low, dial.cost_share) == (Certificate.NONE, 0.0, 1.0)


def test_keeping_to_the_strongest_costs_and_keeps_everything() -> None:
    dial = strongest_only(lay_ground(a_pair(), Aim(0.9), a_catalogue()))
    assert (dial.shares, dial.quality, dial.cost_share, dial.set_by) == ((0.0, 1.0), 1.0, 1.0, SetBy.NOTHING)
