"""Shares with intervals, and the curve that never rises."""

import pytest

from gateway.core.probes.probe import LEVELS
from gateway.core.reliability import GradedAnswer, Share, by_family, by_kind, falling, half_level, over_all


def answers(family: str, kind: str, *right_of_ten: int) -> list[GradedAnswer]:
    return [
        GradedAnswer(family, kind, level, number < right)
        for level, right in enumerate(right_of_ten, 1)
        for number in range(10)
    ]


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(0, 10, 0.0, 0.2130), (10, 10, 0.7870, 1.0), (5, 10, 0.2692, 0.7308), (50, 100, 0.4189, 0.5811)],
)
def test_the_interval_is_wilsons(right: int, asked: int, low: float, high: float) -> None:
    assert Share(right, asked).interval == pytest.approx((low, high), abs=1e-4)


def test_of_nothing_nothing_is_known() -> None:
    assert Share(0, 0).interval == (0.0, 1.0)
    assert Share(0, 0).value == 0.0


def test_a_curve_never_rises_and_leaves_what_falls_alone() -> None:
    assert falling([Share(9, 10), Share(4, 10), Share(1, 10)]) == (0.9, 0.4, 0.1)
    assert falling([Share(9, 10), Share(2, 10), Share(6, 10), Share(1, 10)]) == (0.9, 0.4, 0.4, 0.1)
    assert falling([Share(0, 5), Share(3, 10), Share(6, 10)]) == (9 / 25, 9 / 25, 9 / 25)
    assert falling([]) == ()


@pytest.mark.parametrize(
    ("levels", "curve", "at"),
    [
        ([1, 2, 3], (0.9, 0.6, 0.2), 2.25),
        ([1, 3], (0.75, 0.25), 2.0),
        ([1, 2], (0.4, 0.1), 0.0),
        ([1, 2], (0.9, 0.5), LEVELS + 1.0),
        ([], (), 0.0),
    ],
)
def test_half_is_right_where_the_curve_says(levels: list[int], curve: tuple[float, ...], at: float) -> None:
    assert half_level(levels, curve) == pytest.approx(at)


def test_answers_are_gathered_by_family_by_kind_and_together() -> None:
    every = [*answers("sums", "arithmetic", 10, 8), *answers("products", "arithmetic", 6, 2), *answers("json", "x", 5)]
    assert [(each.name, each.whole) for each in by_family(every)] == [
        ("products", Share(8, 20)),
        ("sums", Share(18, 20)),
        ("json", Share(5, 10)),
    ]
    kinds = by_kind(every)
    assert [each.name for each in kinds] == ["arithmetic", "x"]
    assert kinds[0].levels == ((1, Share(16, 20)), (2, Share(10, 20)))
    assert over_all(every).levels[0] == (1, Share(21, 30))
