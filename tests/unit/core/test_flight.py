"""Who waits for another's answer, and when no more."""

import pytest

from gateway.core.cache_rules import ANY_AGE, CacheControl
from gateway.core.flight import FAILURES_MAX, LEAST_TIME_SHARE, goes_alone, may_follow, may_share
from gateway.domain.flight import Ending


def test_what_may_be_kept_is_shared_where_the_policy_says_so() -> None:
    assert may_share(ANY_AGE, coalesces=True)
    assert not may_share(ANY_AGE, coalesces=False)


def test_an_answer_that_must_not_be_kept_is_nobody_elses() -> None:
    assert not may_share(CacheControl(no_store=True), coalesces=True)


def test_who_takes_none_but_a_kept_answer_neither_leads_nor_follows() -> None:
    assert not may_share(CacheControl(only_if_cached=True), coalesces=True)


def test_an_answer_under_way_is_new_enough_for_anybody() -> None:
    assert may_share(CacheControl(max_age_s=0), coalesces=True)


@pytest.mark.parametrize(("left_s", "follows"), [(60.0, True), (10.0, True), (5.0, True), (4.9, False), (-1.0, False)])
def test_a_flight_must_have_half_of_the_time_left_that_its_follower_has(left_s: float, follows: bool) -> None:
    assert LEAST_TIME_SHARE == 0.5
    assert may_follow(left_s, 10.0) is follows


def test_the_first_failure_lets_the_next_lead_and_the_second_sends_all_alone() -> None:
    assert not goes_alone(Ending.FAILED, 1)
    assert goes_alone(Ending.FAILED, FAILURES_MAX)


def test_an_answer_that_is_nobody_elses_sends_all_alone_at_once() -> None:
    assert goes_alone(Ending.NOT_KEPT, 0)
