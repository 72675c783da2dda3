"""How fast the allowance of misses is used up."""

import pytest

from gateway.core.burn_rate import LONG_S, SHORT_S, BurnRate


def test_nothing_counted_burns_nothing() -> None:
    assert BurnRate().rates(0.0) == (0.0, 0.0)


def test_one_miss_in_twenty_is_a_rate_of_one_and_nothing_but_misses_twenty() -> None:
    steady, total = BurnRate(), BurnRate()
    for number in range(100):
        steady.add(float(number), missed=number % 20 == 0)
        total.add(float(number), missed=True)
    assert steady.rates(99.0) == pytest.approx((1.0, 1.0))
    assert total.rates(99.0) == pytest.approx((20.0, 20.0))
    assert (steady.missed, steady.total) == (5, 100)


def test_the_short_window_sees_the_end_of_an_outage_before_the_long_one() -> None:
    burn = BurnRate()
    for second in range(3_600):
        burn.add(float(second), missed=second < 1_800)
    short, long = burn.rates(3_599.0)
    assert short == 0.0
    assert long == pytest.approx(10.0)


def test_both_windows_end_and_the_totals_do_not() -> None:
    burn = BurnRate()
    burn.add(0.0, missed=True)
    assert burn.rates(SHORT_S - 0.1) == pytest.approx((20.0, 20.0))
    assert burn.rates(SHORT_S) == pytest.approx((0.0, 20.0))
    assert burn.rates(LONG_S) == (0.0, 0.0)
    assert (burn.missed, burn.total) == (1, 1)
