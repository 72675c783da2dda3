"""Hedges are bought seldom: a share of a route's requests, and no more."""

from gateway.core.hedging import MINUTE_S, Hedge, HedgeBudget
from gateway.domain.ids import RouteName

BALANCED, OTHER = RouteName("balanced"), RouteName("other")


def test_a_share_of_the_requests_may_be_hedged_and_with_little_traffic_none() -> None:
    budget = HedgeBudget()
    for _ in range(49):
        budget.admit(BALANCED, 1_000.0)
    assert not budget.grant(BALANCED, 0.02, 1_000.0), "there is no floor"
    for _ in range(151):
        budget.admit(BALANCED, 1_000.0)
    assert [budget.grant(BALANCED, 0.02, 1_000.0) for _ in range(5)] == [True] * 4 + [False]


def test_a_minutes_share_is_not_spent_at_once_when_every_stream_is_late() -> None:
    budget = HedgeBudget()
    for second in range(60):
        for _ in range(10):
            budget.admit(BALANCED, 1_000.0 + second)
    granted = [sum(budget.grant(BALANCED, 0.02, 1_059.0) for _ in range(20))]
    for now_s in (1_069.0, 1_079.0, 1_089.0):
        for _ in range(100):
            budget.admit(BALANCED, now_s)
        granted.append(sum(budget.grant(BALANCED, 0.02, now_s) for _ in range(20)))
    assert granted == [4, 4, 4, 0], "twelve are two in a hundred of the minute's"


def test_each_route_has_its_own_and_forgets_in_time() -> None:
    hedge = Hedge(0.5, 0.5, BALANCED, HedgeBudget())
    hedge.admit(1_000.0)
    hedge.admit(1_000.0)
    assert not hedge.budget.grant(OTHER, 0.5, 1_000.0)
    assert not hedge.grant(1_000.0 + MINUTE_S)
    hedge.admit(1_080.0)
    hedge.admit(1_080.0)
    assert hedge.grant(1_080.0)


def test_routes_that_a_policy_no_longer_has_are_forgotten() -> None:
    budget = HedgeBudget()
    for _ in range(100):
        budget.admit(BALANCED, 1_000.0)
    budget.forget_all_but({OTHER})
    assert not budget.grant(BALANCED, 0.5, 1_000.0)
