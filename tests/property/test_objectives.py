"""What holds of objectives and climbs whatever happens, and in whatever order."""

import math
from collections import deque
from dataclasses import replace
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cost_storm import Climbing, CostStorms, climbs_max
from gateway.core.log_histogram import BUCKETS, bucket_of, middle_s, quantile_s
from gateway.core.slo_shift import CALM_S, STEP_S, SloShift
from gateway.core.slo_window import SLOT_S, WINDOW_S, SloWindow
from gateway.core.strongest_share import FREE, StrongestShares
from gateway.domain.ids import KeyId
from tests.support.tiers import a_tier

waits_s = st.floats(0.0, 40.0)
looks = st.lists(st.tuples(waits_s, st.booleans()), max_size=60)


def timed(steps: list[tuple[float, bool]]) -> list[tuple[float, bool]]:
    """Turn waits into times."""
    return list(zip(accumulate(wait for wait, _ in steps), (flag for _, flag in steps), strict=True))


@given(looks)
def test_a_share_moves_by_no_more_than_a_tenth_in_ten_seconds_and_back_only_after_a_calm_minute(
    steps: list[tuple[float, bool]],
) -> None:
    shift, risen_s, breached_s, before = SloShift(), float("-inf"), float("-inf"), 0.0
    for now_s, breached in timed(steps):
        shift.look(now_s, breached=breached)
        breached_s = now_s if breached else breached_s
        assert 0.0 <= shift.share <= 0.9
        if shift.share > before:
            assert breached
            assert shift.share - before < 0.1 + 1e-9
            # Reckoned as it is: differences of times are rounded, and may be less by the last bit.
            assert now_s >= risen_s + STEP_S
            risen_s = now_s
        elif shift.share < before:
            assert now_s >= breached_s + CALM_S
            assert before - shift.share <= 0.1 * (1 + (now_s - breached_s - CALM_S) / STEP_S) + 1e-9
        before = shift.share


@given(st.lists(st.tuples(waits_s, st.integers(0, 5)), max_size=60))
def test_a_window_holds_what_came_in_its_time_and_nothing_else(seen: list[tuple[float, int]]) -> None:
    window, now_s, came_s = SloWindow(), 0.0, []
    for wait_s, count in seen:
        now_s += wait_s
        came_s += [now_s] * count
        if count:
            window.add(0, count, now_s)
        window.expire(now_s)
        _, total = window.misses()[0]
        # A slot goes as a whole, so what is younger than it by less than its length goes with it.
        assert sum(at_s > now_s - WINDOW_S + SLOT_S for at_s in came_s) <= total
        assert total <= sum(at_s > now_s - WINDOW_S for at_s in came_s)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.booleans()), max_size=120), st.integers(1, 60))
def test_never_are_more_climbs_under_way_than_may_be(steps: list[tuple[float, bool]], in_flight: int) -> None:
    tier = a_tier("large")
    tier = replace(tier, limits=replace(tier.limits, in_flight=in_flight))
    storms, under_way = CostStorms(), deque[Climbing]()
    for now_s, comes in timed(steps):
        is_shut = storms.reopens_in_s(tier) > 0.0
        assert is_shut == (len(under_way) >= climbs_max(tier))
        if comes and not is_shut:
            under_way.append(storms.climb(tier, now_s))
        elif not comes and under_way:
            under_way.popleft().end(now_s)
        assert len(under_way) <= climbs_max(tier)


@given(st.lists(st.booleans(), max_size=200), st.floats(0.0, 1.0))
def test_a_cap_that_is_obeyed_is_never_exceeded_but_for_the_free_ones(wishes: list[bool], cap: float) -> None:
    shares, key, strongest = StrongestShares(), KeyId("k"), 0
    for number, wish in enumerate(wishes):
        goes = wish and not shares.is_spent(key, cap, 0.0)
        shares.count(key, 0.0, strongest=goes)
        strongest += goes
        assert strongest <= max(FREE, cap * (number + 1) + 1e-9)


@given(st.lists(st.floats(1e-4, 1_000.0), min_size=1), st.floats(0.0, 1.0))
def test_a_quantile_is_the_exact_ones_bucket(durations_s: list[float], share: float) -> None:
    counts = [0] * BUCKETS
    for duration_s in durations_s:
        counts[bucket_of(duration_s)] += 1
    rank = max(1, math.ceil(share * len(durations_s) - 1e-9))
    assert quantile_s(counts, share) == middle_s(bucket_of(sorted(durations_s)[rank - 1]))
