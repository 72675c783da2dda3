"""Which endpoint an attempt goes to."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.picker import EndpointState, EndpointTable
from gateway.domain.ids import EndpointId
from tests.support.tiers import a_tier

PAIR = a_tier("small", endpoints=2)
SOLE = a_tier("small", endpoints=1)
TRIO = a_tier("small", endpoints=3)
A, B, C = TRIO.endpoints
JUST_BELOW_ONE = 1.0 - 2**-53
ROOM = 64


def test_an_endpoint_is_available_until_it_is_marked() -> None:
    state = EndpointState()
    assert state.is_available(0.0, ROOM)
    state.mark_busy(10.0)
    assert not state.is_available(9.9, ROOM)
    assert state.is_available(10.0, ROOM)


def test_a_shorter_mark_does_not_shorten_a_longer_one() -> None:
    state = EndpointState()
    state.mark_busy(10.0)
    state.mark_busy(5.0)
    assert not state.is_available(7.0, ROOM)


def test_attempts_in_flight_are_counted() -> None:
    state = EndpointState()
    state.begin()
    state.begin()
    state.end()
    assert state.in_flight == 1


def test_the_less_loaded_of_two_is_picked_whatever_chance_says() -> None:
    table = EndpointTable()
    table.state(A.id).begin()
    assert {table.pick(PAIR, 0.0, chance) for chance in (0.0, 0.5, JUST_BELOW_ONE)} == {B}


def test_the_most_loaded_of_three_is_never_picked() -> None:
    table = EndpointTable()
    table.state(C.id).begin()
    assert {table.pick(TRIO, 0.0, step / 60) for step in range(60)} == {A, B}


def test_equally_loaded_endpoints_share_evenly() -> None:
    table = EndpointTable()
    picked = Counter(table.pick(TRIO, 0.0, step / 60) for step in range(60))
    assert picked == {A: 20, B: 20, C: 20}


def test_an_endpoint_that_was_tried_is_not_picked_again() -> None:
    table = EndpointTable()
    assert table.pick(PAIR, 0.0, 0.0, tried={A.id}) == B
    assert table.pick(PAIR, 0.0, 0.0, tried={A.id, B.id}) is None


def test_an_endpoint_to_be_left_alone_is_not_picked_until_its_time() -> None:
    table = EndpointTable()
    table.state(A.id).mark_busy(5.0)
    assert table.pick(SOLE, 4.0, 0.0) is None
    assert table.pick(SOLE, 5.0, 0.0) == A


def test_a_tier_is_unavailable_when_all_its_endpoints_are() -> None:
    table, other = EndpointTable(), a_tier("large")
    for endpoint in (A, B):
        table.state(endpoint.id).mark_busy(5.0)
    assert table.unavailable((TRIO, other), 0.0) == frozenset()
    table.state(C.id).mark_busy(5.0)
    assert table.unavailable((TRIO, other), 0.0) == {"small"}
    assert table.unavailable((TRIO, other), 5.0) == frozenset()


def test_an_endpoint_is_full_at_the_tiers_limit() -> None:
    table = EndpointTable()
    for _ in range(SOLE.limits.in_flight):
        assert table.pick(SOLE, 0.0, 0.0) == A
        table.state(A.id).begin()
    assert table.pick(SOLE, 0.0, 0.0) is None
    assert table.unavailable((SOLE,), 0.0) == {"small"}
    table.state(A.id).end()
    assert table.count_available(SOLE, 0.0) == 1


def test_endpoints_that_a_new_policy_drops_are_forgotten() -> None:
    table = EndpointTable()
    for endpoint in (A, B):
        table.state(endpoint.id).mark_busy(5.0)
    table.forget_all_but({A.id})
    assert not table.state(A.id).is_available(0.0, ROOM)
    assert table.state(B.id).is_available(0.0, ROOM)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=8),
    st.sets(st.integers(0, 7)),
    st.floats(0, 1, exclude_max=True),
)
def test_every_draw_finds_an_untried_endpoint_if_there_is_one(
    loads: list[int], tried_positions: set[int], chance: float
) -> None:
    tier = a_tier("t", endpoints=len(loads))
    endpoints = tier.endpoints
    table = EndpointTable()
    for endpoint, load in zip(endpoints, loads, strict=True):
        for _ in range(load):
            table.state(endpoint.id).begin()
    tried = {EndpointId(f"t/{position}") for position in tried_positions}
    left = [endpoint for endpoint in endpoints if endpoint.id not in tried]
    picked = table.pick(tier, 0.0, chance, tried=tried)
    if not left:
        assert picked is None
        return
    assert picked in left
    assert (
        len(left) == 1
        or picked.id != max(left, key=lambda one: table.state(one.id).in_flight).id
        or (sorted(table.state(one.id).in_flight for one in left)[-2] == table.state(picked.id).in_flight)
    )


@pytest.mark.parametrize("chance", [0.0, JUST_BELOW_ONE])
def test_the_ends_of_chance_are_valid_draws(chance: float) -> None:
    assert EndpointTable().pick(TRIO, 0.0, chance) in (A, B, C)
