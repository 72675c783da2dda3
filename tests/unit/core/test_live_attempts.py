"""Attempts under way: what leaves the set is given back to the budget it came from."""

from gateway.core.exchange_events import CancelAttempt
from gateway.core.live_attempts import LiveAttempts
from gateway.core.retry_budget import FLOOR, RetryBudget
from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind

SMALL = TierName("small")


def test_attempts_are_in_it_until_they_are_dropped_or_cancelled() -> None:
    live = LiveAttempts(RetryBudget(), SMALL)
    for attempt in (2, 0, 1):
        live.add(attempt)
    live.drop(1)
    assert (len(live), 0 in live, 1 in live) == (2, True, False)
    assert live.cancel(FailureKind.TTFT, but=2) == (CancelAttempt(0, FailureKind.TTFT),)
    assert live.cancel(None) == (CancelAttempt(2, None),)
    assert not live


def test_a_retry_holds_its_place_in_the_budget_until_it_is_over() -> None:
    budget = RetryBudget()
    live = LiveAttempts(budget, SMALL)
    live.admit(1_000.0)
    for attempt in range(FLOOR):
        assert live.grant_retry(attempt, 1_000.0)
        live.add(attempt)
    assert not live.grant_retry(FLOOR, 1_060.0)
    live.drop(0)
    assert live.grant_retry(FLOOR, 1_060.0)


def test_a_retry_that_is_being_answered_holds_no_place_and_is_given_back_once() -> None:
    budget = RetryBudget()
    streams = [LiveAttempts(budget, SMALL) for _ in range(FLOOR)]
    for live in streams:
        live.add(0)
        assert live.grant_retry(1, 1_000.0)
        live.add(1)
        assert live.commit(1) == (CancelAttempt(0, None),)
    others = [LiveAttempts(budget, SMALL) for _ in range(FLOOR + 1)]
    granted = [live.grant_retry(1, 1_060.0) for live in others]
    assert granted == [True] * FLOOR + [False]
    streams[0].drop(1)
    assert not others[FLOOR].grant_retry(1, 1_060.0)
