"""Retries are a share of the requests: an outage is not multiplied, and a hiccup is not felt."""

import pytest

from gateway.core.breaker import CONSECUTIVE
from gateway.core.retry_budget import BEGUN_FLOOR, FLOOR, RETRY_SHARE, WINDOW_S, RetryBudget
from gateway.domain.ids import TierName

SMALL, LARGE = TierName("small"), TierName("large")


def granted(budget: RetryBudget, tries: int, now_s: float, tier: TierName = SMALL) -> int:
    """Ask that often, giving none back, and count the grants."""
    return sum(budget.grant(tier, now_s) for _ in range(tries))


def busy(requests: int, now_s: float = 1_000.0) -> RetryBudget:
    budget = RetryBudget()
    for _ in range(requests):
        budget.admit(SMALL, now_s)
    return budget


def test_without_traffic_there_is_the_floor() -> None:
    assert granted(RetryBudget(), 10, 1_000.0) == FLOOR


def test_with_traffic_there_is_a_tenth() -> None:
    assert granted(busy(1_000), 1_000, 1_000.0) == RETRY_SHARE * 1_000


def test_a_floor_of_retries_that_end_at_once_is_no_way_around_the_share() -> None:
    budget, count = RetryBudget(), 0
    for step in range(1_000):
        if budget.grant(SMALL, 1_000.0 + step / 100):
            count += 1
            budget.over(SMALL)
    assert count <= BEGUN_FLOOR * WINDOW_S


def test_the_failures_that_eject_a_server_can_all_be_made_good() -> None:
    budget = RetryBudget()
    for _ in range(CONSECUTIVE):
        budget.admit(SMALL, 1_000.0)
        assert budget.grant(SMALL, 1_000.0)
        budget.over(SMALL)
    assert not budget.grant(SMALL, 1_000.0)


def test_retries_that_are_still_under_way_keep_their_place_on_the_floor() -> None:
    budget = RetryBudget()
    assert granted(budget, 10, 1_000.0) == FLOOR
    assert granted(budget, 10, 1_060.0) == 0
    budget.over(SMALL)
    assert granted(budget, 10, 1_060.0) == 1


def test_what_is_older_than_the_window_counts_no_more() -> None:
    budget = busy(1_000)
    assert granted(budget, 100, 1_000.0) == 100
    for _ in range(100):
        budget.over(SMALL)
    assert granted(budget, 1, 1_000.0 + WINDOW_S - 1) == 1, "by the floor: the share is spent"
    budget = busy(1_000)
    granted(budget, 100, 1_000.0)
    for _ in range(100):
        budget.over(SMALL)
    assert granted(budget, 100, 1_000.0 + WINDOW_S) == FLOOR, "neither the requests nor the retries count"


def test_one_tiers_outage_does_not_spend_anothers_share() -> None:
    budget = busy(100)
    for _ in range(100):
        budget.admit(LARGE, 1_000.0)
    granted(budget, 1_000, 1_000.0)
    assert granted(budget, 1_000, 1_000.0, LARGE) == 10


@pytest.mark.parametrize("back_s", [0.5, 5.0, 500.0])
def test_a_clock_that_goes_back_breaks_nothing(back_s: float) -> None:
    budget = busy(100)
    assert granted(budget, 100, 1_000.0 - back_s) == 10


def test_tiers_that_a_policy_no_longer_has_are_forgotten_even_with_retries_under_way() -> None:
    budget = busy(100)
    assert granted(budget, 100, 1_000.0) == 10
    budget.forget_all_but({LARGE})
    budget.over(SMALL)
    assert granted(budget, 100, 1_000.0) == FLOOR
    for _ in range(FLOOR + 1):
        budget.over(SMALL)
    assert granted(budget, 100, 1_100.0) == FLOOR, "what is given back twice is not had twice"
