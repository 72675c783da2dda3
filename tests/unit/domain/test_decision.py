"""One tier as the decision saw it."""

import pytest

from gateway.domain.ability import Ability, Correction, Score, acceptance, sigmoid
from gateway.domain.decision import TierView
from gateway.domain.ids import TierName

KNOWN = Score((), 1.0, "folded")


def _view(standard_error: float) -> TierView:
    ability = Ability("m", 1.0, (), standard_error, 0.6, ())
    return TierView(TierName("small"), acceptance(ability, KNOWN), 100, 0.5, None, ability, KNOWN)


def test_the_interval_reaches_as_far_as_the_abilitys_error() -> None:
    view = _view(0.5)
    assert view.p_low == pytest.approx(sigmoid(1.0 - 1.645 * 0.5), abs=1e-3)
    assert view.p_high == pytest.approx(sigmoid(1.0 + 1.645 * 0.5), abs=1e-3)


def test_a_sure_ability_has_no_interval() -> None:
    view = _view(0.0)
    assert view.p_low == view.p == view.p_high


def test_the_interval_is_about_what_feedback_made_of_the_tier() -> None:
    ability = Ability("m", 1.0, (), 0.5, 0.6, ())
    score = Score((), 1.0, "folded", corrections=(Correction(TierName("small"), -1.0, 5.0),))
    view = TierView(TierName("small"), acceptance(ability, score, shift=-1.0), 100, 0.5, None, ability, score)
    assert view.p_low < view.p == 0.5 < view.p_high
    assert view.p_low + view.p_high == pytest.approx(1.0)
