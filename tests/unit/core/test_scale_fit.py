"""The scale of a System One server, found again from answers that were drawn by it."""

import math
import random

import pytest

from gateway.core.difficulty_curve import curve_of, position_at, rescaled
from gateway.core.scale_fit import ScaleAnswer, fit_scale, log_loss
from gateway.domain.ability import Ability, Score, acceptance
from gateway.domain.calibration import CalibrationRequest

REFERENCES = tuple(Ability("made", intercept, (-1.0,), 0.1, 0.5, ()) for intercept in (-1.5, -0.5, 0.5, 1.5))
CURVE = curve_of(REFERENCES, [CalibrationRequest(Score((at / 20,), 1.0, ""), 10) for at in range(-80, 80)])
MODELS = REFERENCES[1], REFERENCES[3]


def drawn(slope: float, offset: float, count: int = 800) -> list[ScaleAnswer]:
    """Draw what a server of such a scale tells, and answers of two models to what it told that of."""
    chance = random.Random(7)
    answers = []
    for at in range(count):
        share = chance.random()
        position = position_at(CURVE, rescaled(share, slope, offset))
        ability = MODELS[at % 2]
        answers.append(ScaleAnswer(share, ability, chance.random() < acceptance(ability, Score(position, 1.0, ""))))
    return answers


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.6, 0.5), (1.8, -0.7)])
def test_slope_and_offset_are_found_again(slope: float, offset: float) -> None:
    found = fit_scale(drawn(slope, offset), CURVE)
    assert math.log(found.slope / slope) == pytest.approx(0.0, abs=0.45)
    for share in (0.2, 0.5, 0.8):
        assert rescaled(share, found.slope, found.offset) == pytest.approx(rescaled(share, slope, offset), abs=0.08)
    assert found.loss < found.flat_loss - 0.01


def test_a_server_that_tells_nothing_of_the_answers_has_no_scale() -> None:
    answers = drawn(1.0, 0.0, 400)
    told_alike = [ScaleAnswer(0.7, each.ability, each.is_right) for each in answers]
    with pytest.raises(ValueError, match="does not tell which of them were answered well"):
        fit_scale(told_alike, CURVE)
    upside_down = [ScaleAnswer(1.0 - each.share, each.ability, each.is_right) for each in answers]
    with pytest.raises(ValueError, match="does not tell which of them were answered well"):
        fit_scale(upside_down, CURVE)


def test_other_scores_of_the_same_answers_are_judged_alike() -> None:
    well, badly = (ScaleAnswer(0.5, MODELS[0], is_right) for is_right in (True, False))
    score = Score((0.7,), 1.0, "")
    p = acceptance(MODELS[0], score)
    assert log_loss([(well, score)]) == pytest.approx(-math.log(p))
    assert log_loss([(well, score), (badly, score)]) == pytest.approx(-(math.log(p) + math.log(1.0 - p)) / 2)


def test_the_ends_of_a_scale_are_told_too() -> None:
    sure = [ScaleAnswer(share, MODELS[0], share < 0.5) for share in (0.0, 0.001, 0.999, 1.0) for _ in range(10)]
    found = fit_scale(sure, CURVE)
    assert rescaled(0.0, found.slope, found.offset) < 0.3
    assert rescaled(1.0, found.slope, found.offset) > 0.7
