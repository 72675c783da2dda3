"""Figures with units."""

import pytest

from gateway.app.console import words


@pytest.mark.parametrize(
    ("usd_nano", "said"),
    [
        (0, "$0.00"),
        (1_234_567_890_000, "$1,234.57"),
        (1_000_000_000, "$1.00"),
        (120_000, "$0.000120"),
        (-12_000_000, "−$0.012000"),
    ],
)
def test_money_has_the_digits_that_tell_something(usd_nano: int, said: str) -> None:
    assert words.usd(usd_nano) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "–"), (0, 7, "0 %"), (7, 7, "100 %"), (1, 3, "33 %"), (1, 30, "3.3 %"), (999, 1000, "99.9 %")],
)
def test_a_share_that_is_not_all_does_not_read_as_all(part: float, whole: float, said: str) -> None:
    assert words.share(part, whole) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.000412, "0.41 ms"), (0.0042, "4.2 ms"), (0.412, "412 ms"), (2.5, "2.50 s"), (75.0, "1 min 15 s")],
)
def test_a_measured_time_has_its_unit(seconds: float | None, said: str) -> None:
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.9, "4 s"), (61.0, "1 min 1 s"), (3_720.0, "1 h 2 min"), (200_000.0, "2 d 7 h")]
)
def test_how_long_something_lasts_is_told_in_two_units(seconds: float, said: str) -> None:
    assert words.ago(seconds) == said


def test_one_thing_is_not_several() -> None:
    assert (words.count(1, "edit"), words.count(1_200, "token")) == ("1 edit", "1,200 tokens")
