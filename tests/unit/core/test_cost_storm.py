"""How many requests may climb into a dearer tier, and which ones do."""

from dataclasses import replace

import pytest

from gateway.core.cost_storm import CostStorms, climbs_max, is_climb
from gateway.core.routing import decide
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.tier import Tier
from tests.support.tiers import KNOWN, a_dial, a_request, a_tier, an_ability

SMALL = a_tier("small", 0, ability=an_ability(0.0, prior=0.5))
LARGE = a_tier("large", 1, ability=an_ability(2.0, prior=0.8), output_usd_pico=100_000_000)


def holding(in_flight: int, *, endpoints: int = 1) -> Tier:
    tier = a_tier("large", 1, endpoints=endpoints)
    return replace(tier, limits=replace(tier.limits, in_flight=in_flight))


@pytest.mark.parametrize(("in_flight", "endpoints", "wanted"), [(64, 1, 12), (64, 3, 38), (5, 1, 1), (1, 1, 1)])
def test_a_fifth_of_what_a_tier_can_hold_may_climb_into_it(in_flight: int, endpoints: int, wanted: int) -> None:
    assert climbs_max(holding(in_flight, endpoints=endpoints)) == wanted


def test_a_tier_is_shut_while_so_many_climbs_are_under_way_and_opens_as_they_end() -> None:
    storms, tier = CostStorms(), holding(10)
    first = storms.climb(tier, 0.0)
    assert storms.reopens_in_s(tier) == 0.0
    second = storms.climb(tier, 4.0)
    assert storms.reopens_in_s(SMALL) == 0.0
    assert storms.reopens_in_s(tier) == pytest.approx(0.5), "two of a second each"
    first.end(11.0)
    first.end(12.0)
    assert storms.reopens_in_s(tier) == 0.0
    storms.climb(tier, 12.0)
    assert storms.reopens_in_s(tier) == pytest.approx(2.0 / 2), "a tenth nearer to the eleven seconds that one took"
    second.end(12.0)
    assert storms.reopens_in_s(tier) == 0.0


def test_a_reload_keeps_what_is_under_way_under_the_new_bound() -> None:
    storms = CostStorms()
    climbs = [storms.climb(holding(10), 0.0) for _ in range(2)]
    assert storms.reopens_in_s(holding(15)) == 0.0
    climbs.append(storms.climb(holding(15), 0.0))
    assert storms.reopens_in_s(holding(15)) > 0.0
    assert storms.reopens_in_s(holding(20)) == 0.0
    storms.forget_all_but({SMALL.name})
    assert storms.reopens_in_s(holding(5)) == 0.0
    for climb in climbs:
        climb.end(1.0)
    assert storms.reopens_in_s(holding(5)) == 0.0


def test_who_takes_the_place_of_a_cheaper_tier_climbs_and_nobody_else() -> None:
    bold, timid = (decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(value)) for value in (1e6, 0.0))
    assert (bold.ladder[0], timid.ladder[0]) == ("small", "large")
    sick = decide(
        a_request(), KNOWN, (SMALL, LARGE), a_dial(1e6), unavailable={SMALL.name: Shortage(ReasonCode.UNHEALTHY, 1.0)}
    )
    assert is_climb(sick, bold)
    assert not is_climb(sick, timid), "it would have gone there anyway"
    assert not is_climb(bold, timid), "that is down, which costs less"
