"""How choices change as λ grows."""

import math

import pytest

from gateway.core.choices import Ramp, Row, lay_out, steps_between, switches_of
from gateway.domain.ability import Score, unknown_score
from gateway.domain.calibration import CalibrationRequest
from gateway.domain.dial import WhenUnknown
from tests.support.tiers import a_tier, an_ability

USD = 10**9


def test_a_request_switches_to_cheaper_tiers_one_after_the_other() -> None:
    row = Row((0.5, 0.7, 0.8), (0, 1 * USD, 2 * USD), None)
    first, second = switches_of([row])
    assert (first.before, first.after, second.before, second.after) == (2, 1, 1, 0)
    assert [first.dial, second.dial] == pytest.approx([0.1, 0.2])


def test_a_tier_that_is_never_on_top_is_passed_over() -> None:
    row = Row((0.5, 0.51, 0.8), (0, 1 * USD, 2 * USD), None)
    assert [(switch.before, switch.after) for switch in switches_of([row])] == [(2, 0)]


def test_of_tiers_that_draw_level_together_the_cheapest_takes_over() -> None:
    row = Row((0.6, 0.7, 0.8), (0, 1 * USD, 2 * USD), None)
    first = switches_of([row])[0]
    assert (first.before, first.after) in {(2, 0), (2, 1)}
    assert switches_of([row])[-1].after == 0


def test_a_held_request_never_switches() -> None:
    row = Row((0.5, 0.8), (0, 1 * USD), 1)
    assert switches_of([row]) == []
    assert row.choice(1e9) == 1


def test_only_what_is_unknown_is_held_and_only_where_that_is_wanted() -> None:
    tiers = (a_tier("small"), a_tier("large", 1, ability=an_ability(prior=0.9), output_usd_pico=10**7))
    requests = [CalibrationRequest(Score((0.0,), 1.0, "t"), 10), CalibrationRequest(unknown_score("t"), 10)]
    assert [row.held_at for row in lay_out(tiers, 1, requests, WhenUnknown.STRONGEST)] == [None, 1]
    assert [row.held_at for row in lay_out(tiers, 1, requests, WhenUnknown.PRIOR)] == [None, None]


def test_there_is_one_step_between_any_two_edges() -> None:
    assert steps_between([]) == [0.0]
    assert steps_between([4.0, 2.0, 2.0]) == [0.0, 3.0, 8.0]


def test_a_sum_over_the_choices_follows_them() -> None:
    rows = [Row((0.5, 0.8), (0, 1 * USD), None), Row((0.7, 0.8), (0, 1 * USD), None)]
    kept = Ramp(rows, switches_of(rows), lambda row, position: rows[row].p[position])
    lost = Ramp(rows, switches_of(rows), lambda _row, position: float(position == 0))
    for dial in (0.0, 0.2, 1.0):
        assert kept.at(dial) == pytest.approx(sum(row.p[row.choice(dial)] for row in rows))
    assert lost.first_above(0.5) == pytest.approx(0.1)
    assert lost.first_above(1.0) == pytest.approx(0.3)
    assert lost.first_above(2.0) == math.inf
    assert lost.first_above(-1.0) == 0.0
