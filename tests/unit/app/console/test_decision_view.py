"""A decision drawn and told."""

from dataclasses import replace

from gateway.app.console.decision_view import chance, decision_view
from gateway.domain.decision import Decision, ReasonCode
from gateway.domain.ids import TierName
from tests.support.receipt_samples import a_receipt


def _decision() -> Decision:
    decision = a_receipt().decision
    assert decision is not None
    return decision


DECISION = _decision()
SMALL = DECISION.views[0]


def test_each_tier_has_a_row_and_the_chosen_one_is_marked() -> None:
    told = decision_view(DECISION)
    assert told.count("<tr class=") == 2
    assert '<tr class="chosen"><td><b>small</b>' in told
    assert "What would change it" in told


def test_a_chance_is_drawn_from_0_to_1_and_told_in_words() -> None:
    drawn = chance(replace(SMALL), 0.5)
    assert f'cx="{100 * SMALL.p:.1f}%"' in drawn
    assert 'x1="50.0%" x2="50.0%"' in drawn
    assert f"p {SMALL.p:.2f}, 90 % interval {SMALL.p_low:.2f} to {SMALL.p_high:.2f}; the choice from 0.50 on" in drawn


def test_a_bar_that_nothing_reaches_is_not_drawn() -> None:
    assert "needed" not in chance(SMALL, 1.2)
    assert "needed" not in chance(SMALL, None)
    assert 'x1="0.0%"' in chance(SMALL, -0.4)


def test_where_value_does_not_decide_there_is_no_bar_to_explain() -> None:
    assert "from here on" in decision_view(DECISION)
    pinned = replace(DECISION, reason=ReasonCode.PINNED_BY_ALIAS)
    assert "from here on" not in decision_view(pinned)


def test_a_decision_that_nothing_would_change_lists_nothing() -> None:
    alone = replace(DECISION, views=DECISION.views[:1], ladder=(TierName("small"),), reason=ReasonCode.ONLY_ABLE)
    assert "What would change it" not in decision_view(alone)
