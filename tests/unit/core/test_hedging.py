"""Hedges are bought seldom: a share of a route's requests, and no more."""

from gateway.core.hedging import Hedge, HedgeBudget
from gateway.core.retry_budget import WINDOW_S
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


def test_each_route_has_its_own_and_forgets_in_time() -> None:
    hedge = Hedge(0.5, 0.5, BALANCED, HedgeBudget())
    hedge.admit(1_000.0)
    hedge.admit(1_000.0)
    assert not hedge.budget.grant(OTHER, 0.5, 1_000.0)
    assert not hedge.grant(1_000.0 + WINDOW_S)
    hedge.admit(1_020.0)
    hedge.admit(1_020.0)
    assert hedge.grant(1_020.0)


def test_routes_that_a_policy_no_longer_has_are_forgotten() -> None:
    budget = HedgeBudget()
    for _ in range(100):
        budget.admit(BALANCED, 1_000.0)
    budget.forget_all_but({OTHER})
    assert not budget.grant(BALANCED, 0.5, 1_000.0)
