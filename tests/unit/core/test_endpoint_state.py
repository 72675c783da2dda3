"""What is known of one endpoint."""

from dataclasses import replace

import pytest

from gateway.core.breaker import Failure
from gateway.core.endpoint_state import ANSWER_SHARE, LOAD_VALID_S, OTHERS_VALID_S, EndpointState
from gateway.domain.load import ServerLoad
from tests.support.tiers import a_tier

TIER = a_tier("small")
LIMITS = replace(TIER.limits, in_flight=2, in_flight_tokens=1_000)


def a_state() -> EndpointState:
    return EndpointState(TIER.endpoints[0])


def test_a_longer_mark_is_not_shortened() -> None:
    state = a_state()
    state.mark_busy(10.0)
    state.mark_busy(5.0)
    assert state.is_out(9.9)
    assert not state.is_out(10.0)


def test_it_is_full_at_the_policys_count_of_requests() -> None:
    state = a_state()
    assert state.has_room(LIMITS, 10)
    state.in_flight = 1
    assert state.has_room(LIMITS, 10)
    state.in_flight = 2
    assert not state.has_room(LIMITS, 10)


def test_it_is_full_at_the_policys_count_of_prompt_tokens_but_never_for_one_alone() -> None:
    state = a_state()
    assert state.has_room(LIMITS, 5_000)
    state.in_flight, state.prompt_tokens = 1, 600
    assert state.has_room(LIMITS, 400)
    assert not state.has_room(LIMITS, 401)


def test_one_that_comes_back_may_have_its_share_of_the_limit() -> None:
    state = a_state()
    state.weight = 0.1
    assert (state.most(100), state.most(2)) == (10, 1)


def test_one_without_weight_is_out_unless_it_is_merely_gray() -> None:
    state = a_state()
    state.weight = 0.0
    assert state.is_out(0.0)
    state.is_gray = True
    assert not state.is_out(0.0)


def test_its_standing_is_named() -> None:
    state = a_state()
    assert state.standing(0.0) == "healthy"
    state.is_gray = True
    assert state.standing(0.0) == "gray"
    state.mark_busy(5.0)
    assert state.standing(0.0) == "busy"
    state.breaker.failed(Failure.CREDENTIALS, 0.0, 0.0, 0.5)
    assert state.standing(0.0) == "ejected"


def test_what_a_server_says_of_others_is_added_to_what_is_our_own() -> None:
    state = a_state()
    state.in_flight, state.outstanding_tokens = 3, 900
    assert state.load_tokens(0.0, 200.0) == 900
    state.note_load(ServerLoad(4, 2, None), 0.0)
    assert state.load_tokens(0.0, 200.0) == 900 + 3 * 200
    state.note_load(ServerLoad(1, 0, 0.5), 0.0)
    assert state.load_tokens(0.0, 200.0) == 900, "it cannot have fewer than ours"


@pytest.mark.parametrize(("usage", "factor"), [(0.8, 1.0), (0.9, 1.5), (1.0, 2.0), (7.0, 2.0)])
def test_a_server_whose_cache_fills_up_counts_more(usage: float, factor: float) -> None:
    state = a_state()
    state.in_flight, state.outstanding_tokens = 1, 100
    state.note_load(ServerLoad(1, 0, usage), 0.0)
    assert state.load_tokens(0.0, 200.0) == pytest.approx(100 * factor)


def test_what_was_said_long_ago_is_not_believed() -> None:
    state = a_state()
    state.note_load(ServerLoad(50, 50, 1.0), 0.0)
    assert state.load(LOAD_VALID_S) is not None
    assert state.load(LOAD_VALID_S + 0.1) is None
    assert state.load_tokens(LOAD_VALID_S + 0.1, 200.0) == 0


def test_ahead_of_a_prompt_are_those_that_wait_ours_and_others_and_a_share_of_the_answers() -> None:
    state = a_state()
    state.in_flight, state.pending_tokens, state.prompt_tokens, state.outstanding_tokens = 2, 300, 500, 1_300
    assert state.ahead_tokens(0.0, 200.0) == 300 + 800 * ANSWER_SHARE
    state.note_others(5_000, 0.0)
    assert state.ahead_tokens(OTHERS_VALID_S, 200.0) == 5_300 + 800 * ANSWER_SHARE
    assert state.ahead_tokens(OTHERS_VALID_S + 0.1, 200.0) == 300 + 800 * ANSWER_SHARE


@pytest.mark.parametrize(("running", "waiting", "others"), [(4, 3, 3), (1, 2, 1), (1, 1, 0), (9, 0, 0)])
def test_requests_that_a_server_says_are_waiting_beyond_ours_are_ahead(running: int, waiting: int, others: int) -> None:
    state = a_state()
    state.in_flight = 2
    state.note_load(ServerLoad(running, waiting, None), 0.0)
    assert state.ahead_tokens(0.0, 200.0) == others * 200
    state.note_others(500, 0.0)
    assert state.ahead_tokens(0.0, 200.0) == max(500, others * 200), "these are the other workers' requests"


def test_a_call_is_expected_to_end_the_sooner_the_more_there_are() -> None:
    state = a_state()
    for _ in range(100):
        state.note_duration(8.0)
    state.in_flight = 4
    assert state.frees_after_s() == pytest.approx(2.0, rel=0.01)


def test_who_may_fill_a_part_only_finds_it_full_earlier() -> None:
    state, half = a_state(), replace(LIMITS, in_flight=5, fill=0.5)
    assert state.has_room(replace(half, fill=0.01), 5_000), "alone, one always fits"
    state.in_flight, state.prompt_tokens = 1, 400
    assert state.has_room(half, 100)
    assert not state.has_room(half, 101), "half of the tokens"
    state.in_flight, state.prompt_tokens = 2, 0
    assert not state.has_room(half, 1), "half of five, rounded down"
    assert state.has_room(replace(half, fill=1.0), 1)
