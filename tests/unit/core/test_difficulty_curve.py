"""From a share of failing references back to a position."""

from functools import lru_cache

import pytest

from gateway.adapters.artefact import Artefact
from gateway.core.difficulty import failing_share
from gateway.core.difficulty_curve import POINTS, curve_of, position_at, rescaled
from gateway.domain.ability import Ability, Score, acceptance, unknown_score
from gateway.domain.calibration import CalibrationRequest
from tests.support.artefacts import packaged

REFERENCES = tuple(Ability("made", intercept, (-1.0, 0.2), 0.1, 0.5, ()) for intercept in (-1.0, 0.0, 2.0))
REQUESTS = [
    CalibrationRequest(Score((place / 25, (-1.0) ** place), familiarity, "made"), 10)
    for place in range(-100, 100)
    for familiarity in (0.2, 1.0)
]


def share(*position: float) -> float:
    """Return the share of references that fail there."""
    return failing_share(REFERENCES, Score(position, 1.0, "made"))


def test_a_position_has_the_share_that_it_was_found_by() -> None:
    curve = curve_of(REFERENCES, REQUESTS)
    assert len(curve.shares) == POINTS
    assert list(curve.shares) == sorted(set(curve.shares))
    for wanted in (0.15, 0.3, 0.5, 0.8):
        assert share(*position_at(curve, wanted)) == pytest.approx(wanted, abs=0.005)


def test_beyond_the_ends_the_position_is_that_of_the_end() -> None:
    curve = curve_of(REFERENCES, REQUESTS)
    assert position_at(curve, 0.0) == curve.positions[0]
    assert position_at(curve, curve.shares[0]) == curve.positions[0]
    assert position_at(curve, 1.0) == curve.positions[-1]


def test_requests_without_a_position_say_nothing_and_one_is_enough() -> None:
    only = CalibrationRequest(Score((0.5, 0.5), 0.3, "made"), 10)
    curve = curve_of(REFERENCES, [CalibrationRequest(unknown_score("made"), 10), only, only])
    assert (curve.positions, curve.shares) == (((0.5, 0.5),), (share(0.5, 0.5),))
    assert position_at(curve, 0.9) == (0.5, 0.5)


@pytest.mark.parametrize("told", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_a_scale_is_moved_by_slope_and_offset_on_the_logits(told: float) -> None:
    inner = min(max(told, 0.001), 0.999)
    assert rescaled(told, 1.0, 0.0) == pytest.approx(inner)
    assert rescaled(0.5, 3.0, 0.7) == pytest.approx(1.0 / (1.0 + 2.718281828**-0.7))
    assert rescaled(told, 2.0, 0.0) == pytest.approx(inner**2 / (inner**2 + (1.0 - inner) ** 2))


@lru_cache
def shipped() -> Artefact:
    """Return the difficulty model that ships."""
    return packaged()


def test_of_the_model_that_ships_one_number_keeps_most_of_what_the_positions_say() -> None:
    catalogue = shipped().catalogue
    references = tuple(catalogue.references.values())
    curve = curve_of(references, catalogue.requests)
    ability = catalogue.references["gpt-4o"]
    told, kept = [], []
    for request in catalogue.requests[::20]:
        score = Score(request.score.latent, 1.0, "")
        if not request.score.is_known:
            continue
        told.append(acceptance(ability, score))
        kept.append(acceptance(ability, Score(position_at(curve, failing_share(references, score)), 1.0, "")))
    mean = sum(told) / len(told)
    lost = sum((each - left) ** 2 for each, left in zip(told, kept, strict=True))
    assert 1.0 - lost / sum((each - mean) ** 2 for each in told) > 0.9
