"""A tier's endpoints compared, and what a call on one of them changes."""

from dataclasses import replace

import pytest

from gateway.core.breaker import EJECTION_S, Failure, Standing
from gateway.core.endpoint_state import EndpointState
from gateway.core.latency import GRAY
from gateway.core.picker import EndpointTable
from gateway.core.place import LOOK_EVERY_S, QUICK, TRY_EVERY_S, Place, Servers
from gateway.domain.request import Operation
from tests.support.tiers import a_tier

FOUR = a_tier("small", endpoints=4)
MIDDLE = 0.5


def servers_of(endpoints: int = 4) -> Servers:
    return EndpointTable().servers(a_tier("small", endpoints=endpoints))


def usually(servers: Servers, tokens: int, took_s: float, times: int) -> None:
    """Let so many streams have begun after so long."""
    for _ in range(times):
        servers.begins.learn(tokens, took_s)
        servers.works.learn(tokens, took_s)


def eject(servers: Servers, state: EndpointState, now_s: float, failure: Failure = Failure.SERVER) -> None:
    for _ in range(5):
        call = Place(servers, state, now_s, 10, 20)
        call.failed(failure, now_s, MIDDLE)
        call.leave(now_s)


def test_a_call_is_counted_from_its_start_to_its_end_once() -> None:
    servers = servers_of()
    state = servers.states[0]
    call = Place(servers, state, 1.0, 30, 50)
    assert (state.in_flight, state.prompt_tokens, state.outstanding_tokens, state.used_s) == (1, 30, 50, 1.0)
    call.leave(4.0)
    call.leave(9.0)
    assert (state.in_flight, state.prompt_tokens, state.outstanding_tokens) == (0, 0, 0)
    assert state.duration_s == pytest.approx(1.2)


def test_an_answer_says_that_the_server_lives_and_what_it_serves() -> None:
    servers = servers_of()
    state = servers.states[0]
    call = Place(servers, state, 1.0, 30, 50)
    call.began_to_answer(Operation.EMBEDDINGS, 1.5, answer_tokens=None)
    assert (state.answered_began_s, state.operation, state.slowness.ratio) == (1.0, Operation.EMBEDDINGS, 1.0)


def test_beginnings_are_compared_by_prompt_and_whole_answers_by_their_own_length() -> None:
    servers = servers_of()
    first, second = servers.states[:2]
    for number in range(40):
        Place(servers, first, 0.0, 100, 100).began_to_answer(Operation.CHAT, 1.0, answer_tokens=None)
        length = 100 * (1 + number % 3)
        Place(servers, second, 0.0, 100, 100).began_to_answer(Operation.CHAT, length / 100, answer_tokens=length)
    assert servers.begins.expected_s(100) == pytest.approx(1.0)
    assert servers.wholes.expected_s(300) == pytest.approx(3.0, rel=0.05)
    assert second.slowness.ratio == pytest.approx(1.0, rel=0.1)


def test_late_beginnings_lower_the_limit_only_where_the_tier_is_in_a_hurry() -> None:
    servers = servers_of()
    quick, slow = servers.states[:2]
    for state, took_s in ((quick, 0.15), (slow, 3.0)):
        usually(servers, 10, 0.05, 20)
        for step in range(12):
            now_s = step * 0.3
            Place(servers, state, now_s - took_s, 10, 20).began_to_answer(Operation.CHAT, now_s, answer_tokens=None)
    limit = FOUR.limits.in_flight
    assert quick.concurrency.most(limit) == limit, "a twentieth of the tier's limit is no hurry"
    assert slow.concurrency.most(limit) < limit


def test_what_our_own_loop_is_late_is_not_held_against_the_servers() -> None:
    servers = servers_of()
    state = servers.states[0]
    usually(servers, 10, 0.05, 20)
    for step in range(12):
        now_s = step * 0.3
        place = Place(servers, state, now_s - 3.05, 10, 20)
        place.began_to_answer(Operation.CHAT, now_s, answer_tokens=None, own_lag_s=1.0)
    limit = FOUR.limits.in_flight
    assert state.concurrency.most(limit) == limit
    assert state.slowness.ratio == pytest.approx(1.0)
    assert servers.begins.expected_s(10) == pytest.approx(0.05)
    Place(servers, state, 0.0, 10, 20).failed(Failure.SLOW, 3.05, MIDDLE, waited_s=3.05, own_lag_s=1.0)
    assert state.slowness.ratio == pytest.approx(1.0)


def test_a_beginning_waited_for_in_vain_counts_as_one_that_took_as_long() -> None:
    servers = servers_of()
    state = servers.states[0]
    usually(servers, 10, 0.5, 10)
    Place(servers, state, 0.0, 10, 20).failed(Failure.SLOW, 4.0, MIDDLE, waited_s=4.0)
    assert state.slowness.ratio == pytest.approx(8.0)
    Place(servers, state, 0.0, 10, 20).failed(Failure.SLOW, 4.0, MIDDLE)
    assert state.slowness.ratio == pytest.approx(8.0), "a silence within an answer is no beginning"


def test_a_call_that_a_later_one_outruns_counts_as_one_that_took_as_long_as_it_waited() -> None:
    servers = servers_of()
    state = servers.states[0]
    usually(servers, 10, 0.5, 10)
    assert Place(servers, state, 1.0, 10, 20).outrun(3.0) == 2.0
    assert state.slowness.ratio == pytest.approx(4.0)


def test_who_waits_behind_others_is_not_slow_for_that_nor_who_had_kept_less_than_was_thought() -> None:
    servers = servers_of(2)
    state = servers.states[0]
    for number in range(40):
        usually(servers, 1_000 * (1 + number % 4), 0.1 * (1 + number % 4), 1)
    queued = [Place(servers, state, 0.0, 4_000, 4_100) for _ in range(5)]
    queued[-1].began_to_answer(Operation.CHAT, 2.0, answer_tokens=None)
    assert state.slowness.ratio == pytest.approx(1.0, rel=0.2), "five times as late as its length asks for"
    for place in queued:
        place.leave(2.0)
    forgotten = Place(servers, state, 10.0, 4_000, 4_100, cached_tokens=3_900)
    forgotten.began_to_answer(Operation.CHAT, 10.4, answer_tokens=None)
    assert state.slowness.ratio == pytest.approx(1.0, rel=0.2), "it had to compute all of it"


def test_how_quick_a_quick_one_was_makes_nobody_else_slow() -> None:
    servers = servers_of(3)
    usually(servers, 1_000, 1.0, 20)
    for state, took_s in zip(servers.states, (0.06, 0.06, 1.0), strict=True):
        Place(servers, state, 0.0, 1_000, 1_100).began_to_answer(Operation.CHAT, took_s, answer_tokens=None)
    servers.look(1.0)
    assert [state.slowness.ratio for state in servers.states] == pytest.approx([QUICK, QUICK, 1.0], rel=0.1)
    assert servers.gray == ()


def test_a_busy_server_is_left_alone_and_its_limit_lowered() -> None:
    servers = servers_of()
    state = servers.states[0]
    calls = [Place(servers, state, 0.0, 10, 20) for _ in range(21)]
    calls[0].was_busy(0.0, 3.0)
    assert (state.busy_until_s, state.concurrency.most(64)) == (3.0, 18)


def test_half_of_a_tier_at_most_is_out_for_failing() -> None:
    servers = servers_of()
    for at_s, state in enumerate(servers.states[:3]):
        eject(servers, state, at_s)
    servers.look(3.0)
    assert [state.weight for state in servers.states] == [1.0, 0.0, 0.0, 1.0], "the one that failed longest ago serves"


@pytest.mark.parametrize("failure", [Failure.UNREACHABLE, Failure.CREDENTIALS])
def test_what_cannot_serve_is_not_kept_in_service(failure: Failure) -> None:
    servers = servers_of()
    for at_s, state in enumerate(servers.states[:3]):
        eject(servers, state, at_s, failure)
    servers.look(3.0)
    assert [state.weight for state in servers.states] == [0.0, 0.0, 0.0, 1.0]


def test_one_kept_in_service_comes_back_by_the_requests_it_answers() -> None:
    servers = servers_of(3)
    for at_s, state in enumerate(servers.states[:2]):
        eject(servers, state, at_s)
    servers.look(2.0)
    kept = servers.states[0]
    assert kept.weight == 1.0
    for _ in range(3):
        Place(servers, kept, 2.0, 10, 20).began_to_answer(Operation.CHAT, 2.5, answer_tokens=None)
    servers.look(2.5)
    assert kept.breaker.standing is Standing.RAMPING


def test_when_all_are_out_one_call_at_a_time_is_let_through_a_second_apart() -> None:
    servers = servers_of(2)
    for state in servers.states:
        eject(servers, state, 10.0)
    servers.look(10.0)
    assert [state.weight for state in servers.states] == [0.0, 0.0]
    assert servers.to_try(10.0 + TRY_EVERY_S - 0.01) is None
    now_s = 10.0 + TRY_EVERY_S
    assert servers.to_try(now_s) is servers.states[0]
    trial = Place(servers, servers.states[0], now_s, 10, 20, is_trial=True)
    assert servers.to_try(now_s + 100.0) is None
    trial.leave(now_s)
    assert servers.to_try(now_s) is servers.states[0]


def test_when_the_others_are_full_one_that_is_out_is_tried_before_anyone_is_refused() -> None:
    servers = servers_of(3)
    out, sound, busy = servers.states
    eject(servers, out, 0.0, Failure.UNREACHABLE)
    busy.mark_busy(30.0)
    servers.look(2.0)
    assert servers.to_try(2.0) is None, "there is room yet"
    places = [Place(servers, sound, 2.0, 10, 20) for _ in range(sound.most(servers.limits.in_flight))]
    assert servers.to_try(2.0) is out
    assert servers.to_try(2.0, tried={out.endpoint.id}) is None, "the busy one asked to be left alone"
    places[0].leave(2.5)
    assert servers.to_try(2.5) is None


def test_a_call_let_through_brings_an_endpoint_back_after_three() -> None:
    servers = servers_of(1)
    (state,) = servers.states
    eject(servers, state, 0.0)
    for step in range(3):
        servers.look(1.0 + step)
        assert servers.to_try(1.0 + step) is state
        trial = Place(servers, state, 1.0 + step, 10, 20, is_trial=True)
        trial.began_to_answer(Operation.CHAT, 1.5 + step, answer_tokens=7)
        trial.leave(1.5 + step)
    servers.look(3.5)
    assert state.breaker.standing is Standing.RAMPING
    assert (state.ramp, state.weight) == pytest.approx((0.1, 0.1))


def test_an_endpoint_much_slower_than_its_peers_turns_gray_and_stays_so_until_it_is_nearly_as_fast() -> None:
    servers = servers_of(3)
    slow = servers.states[0]
    for state in servers.states:
        state.slowness.observe(1.0, 0.0)
    for ratio, is_gray in ((GRAY - 0.1, False), (GRAY, True), (2.1, True), (1.9, False)):
        slow.slowness.ratio = ratio
        servers.look(0.0)
        assert (slow.is_gray, servers.gray) == (is_gray, (slow,) if is_gray else ())
        assert (slow.weight == 0.0) is is_gray
    assert not servers.is_even


def test_one_that_is_out_is_not_gray_besides() -> None:
    servers = servers_of(3)
    slow = servers.states[0]
    for state in servers.states:
        state.slowness.observe(1.0, 0.0)
    slow.slowness.ratio = 9.0
    eject(servers, slow, 0.0)
    servers.look(0.0)
    assert (slow.is_gray, slow.is_out(0.0)) == (False, True)


def test_endpoints_are_compared_again_after_a_quarter_of_a_second_and_at_once_when_one_drops_out() -> None:
    servers = servers_of(2)
    servers.look(5.0)
    assert servers.look_at_s == 5.0 + LOOK_EVERY_S
    eject(servers, servers.states[0], 5.0)
    assert servers.look_at_s < 5.0
    servers.look(5.0 + EJECTION_S)
    assert servers.states[0].breaker.standing is Standing.PROBING


def test_the_servers_limits_are_those_of_everybody_whoever_asks_first() -> None:
    tier = a_tier("small")
    partly = replace(tier, limits=replace(tier.limits, fill=0.5))
    assert EndpointTable().servers(partly).limits == tier.limits
