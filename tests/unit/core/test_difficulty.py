"""One number for how hard a request is, and what that makes of ordered levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.difficulty import confidence, difficulty, failing_share
from gateway.domain.ability import Ability, Score, unknown_score

KNOWN = Score((1.0,), 1.0, "made")


def reference(intercept: float, prior: float = 0.5) -> Ability:
    """Make a model of one loading."""
    return Ability("made", intercept, (-1.0,), 0.1, prior, ())


WEAK, FAIR, STRONG = reference(0.0), reference(1.0), reference(4.0)
REFERENCES = (FAIR, WEAK, STRONG)
"""Their chances at `KNOWN` are 0.5, 0.269 and 0.953."""


def test_the_share_that_fails_is_the_mean_of_what_the_references_lack() -> None:
    assert failing_share(REFERENCES, KNOWN) == pytest.approx(1.0 - (0.5 + 0.268941 + 0.952574) / 3)
    assert failing_share(REFERENCES, unknown_score("made")) == 0.5


def test_a_harder_request_has_a_larger_share() -> None:
    shares = [failing_share(REFERENCES, Score((place,), 1.0, "made")) for place in (-3.0, 0.0, 1.0, 4.0)]
    assert shares == sorted(shares)


def test_the_weakest_fail_first() -> None:
    # Nobody fails where u is below the weakest's chance, everybody where it is above the strongest's.
    assert difficulty(REFERENCES, KNOWN, 4).probabilities == pytest.approx(
        (0.268941, 0.231059, 0.452574, 0.047426), abs=1e-6
    )


def test_what_lies_between_two_levels_goes_to_both_by_how_near_it_is() -> None:
    assert difficulty((WEAK, STRONG), KNOWN, 2).probabilities == pytest.approx(
        (0.268941 + (0.952574 - 0.268941) / 2, 0.047426 + (0.952574 - 0.268941) / 2), abs=1e-6
    )


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=7), st.floats(-4, 4), st.floats(0, 1), st.integers(2, 10))
def test_levels_are_a_distribution_whose_mean_is_the_share(
    intercepts: list[float], place: float, familiarity: float, levels: int
) -> None:
    references, score = [reference(each) for each in intercepts], Score((place,), familiarity, "made")
    found = difficulty(references, score, levels)
    assert len(found.probabilities) == levels
    assert min(found.probabilities) >= 0.0
    assert sum(found.probabilities) == pytest.approx(1.0)
    assert found.share == pytest.approx(failing_share(references, score))
    assert found.mean_level == pytest.approx(found.share * (levels - 1))
    assert 0.0 <= found.confidence <= 1.0


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [((0.0, 1.0, 0.0), 1.0), ((0.5, 0.0, 0.5), 0.0), ((0.7, 0.2, 0.1), 1.0 - 0.4 / (2 / 3)), ((0.5, 0.5), 0.0)],
)
def test_confidence_tells_how_far_a_distribution_is_gathered(probabilities: tuple[float, ...], expected: float) -> None:
    assert confidence(probabilities) == pytest.approx(expected)
