"""Which endpoint an attempt goes to."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.breaker import Failure
from gateway.core.picker import TRICKLE_PICKS, TRICKLE_S, EndpointTable
from gateway.core.place import Place
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.load import ServerLoad
from gateway.domain.request import Operation
from gateway.domain.tier import Endpoint, Tier
from tests.support.tiers import a_tier

PAIR = a_tier("small", endpoints=2)
SOLE = a_tier("small", endpoints=1)
TRIO = a_tier("small", endpoints=3)
A, B, C = TRIO.endpoints
SMALL = TierName("small")
JUST_BELOW_ONE = 1.0 - 2**-53


def take(
    table: EndpointTable,
    tier: Tier,
    now_s: float = 0.0,
    chance: float = 0.0,
    *,
    tokens: int = 100,
    tried: Collection[EndpointId] = (),
    cached: Mapping[EndpointId, int] | None = None,
) -> Place | None:
    return table.take(tier, now_s, chance, prompt_tokens=tokens, answer_tokens=tokens, tried=tried, cached=cached)


def pick(table: EndpointTable, tier: Tier, now_s: float = 0.0, chance: float = 0.0, **terms: object) -> Endpoint | None:
    """Tell where a call would go, without leaving it there."""
    place = take(table, tier, now_s, chance, **terms)  # type: ignore[arg-type] # passed on as they are
    if place is None:
        return None
    place.leave(now_s)
    return place.endpoint


def load(table: EndpointTable, endpoint: Endpoint, tokens: int) -> None:
    state = table.state(endpoint)
    state.in_flight, state.outstanding_tokens = 1, tokens


def eject(table: EndpointTable, tier: Tier, endpoint: Endpoint, now_s: float = 0.0) -> None:
    table.servers(tier)
    call = Place(table.servers(tier), table.state(endpoint), now_s, 1, 1)
    call.failed(Failure.CREDENTIALS, now_s, 0.5)
    call.leave(now_s)


def test_the_one_with_fewer_tokens_ahead_is_picked_whatever_chance_says() -> None:
    table = EndpointTable()
    load(table, A, 1_000)
    load(table, B, 999)
    assert {pick(table, PAIR, chance=chance) for chance in (0.0, 0.5, JUST_BELOW_ONE)} == {B}


def test_one_long_request_weighs_more_than_many_short_ones() -> None:
    table = EndpointTable()
    assert take(table, PAIR, tokens=50_000)
    for _ in range(10):
        place = take(table, PAIR, tokens=100)
        assert place is not None
        assert place.endpoint == B


def test_the_most_loaded_of_three_is_never_picked() -> None:
    table = EndpointTable()
    load(table, C, 1)
    assert {pick(table, TRIO, chance=step / 60) for step in range(60)} == {A, B}


def test_equally_loaded_endpoints_share_evenly() -> None:
    table = EndpointTable()
    assert Counter(pick(table, TRIO, chance=step / 60) for step in range(60)) == {A: 20, B: 20, C: 20}


def test_an_endpoint_that_comes_back_is_drawn_by_its_weight() -> None:
    table = EndpointTable()
    servers = table.servers(TRIO)
    servers.look(0.0)
    servers.states[0].weight, servers.is_even = 0.1, False
    picked = Counter(pick(table, TRIO, chance=(step + 0.5) / 2_100) for step in range(2_100))
    assert picked[A] == 100
    assert abs(picked[B] - picked[C]) <= 2


def test_an_endpoint_that_was_tried_is_not_picked_again() -> None:
    table = EndpointTable()
    assert pick(table, PAIR, tried={A.id}) == B
    assert pick(table, PAIR, tried={A.id, B.id}) is None


def test_an_endpoint_to_be_left_alone_is_not_picked_until_its_time() -> None:
    table = EndpointTable()
    table.state(A).mark_busy(5.0)
    assert {pick(table, PAIR, 4.9, chance) for chance in (0.0, JUST_BELOW_ONE)} == {B}
    assert pick(table, PAIR, 5.0) == A


def test_a_tier_is_unavailable_when_all_its_endpoints_are_and_says_when_it_is_back() -> None:
    table, other = EndpointTable(), a_tier("large")
    for endpoint in (A, B):
        table.state(endpoint).mark_busy(5.0)
    assert table.unavailable((TRIO, other), 0.0) == {}
    table.state(C).mark_busy(4.0)
    table.servers(TRIO).note_failure(0.0)
    assert table.unavailable((TRIO, other), 0.0) == {"small": Shortage(ReasonCode.UNHEALTHY, 4.0)}
    assert table.unavailable((TRIO, other), 1.0) == {}, "a second after the last failure one is let through"
    assert table.unavailable((TRIO, other), 4.0) == {}


def test_when_all_are_out_the_one_that_failed_least_recently_is_tried_and_no_other_beside_it() -> None:
    table = EndpointTable()
    for at_s, endpoint in enumerate((B, A)):
        eject(table, PAIR, endpoint, at_s)
    assert take(table, PAIR, 1.5) is None
    assert take(table, PAIR, 2.0, tried={A.id, B.id}) is None
    trial = take(table, PAIR, 2.0)
    assert trial is not None
    assert trial.endpoint == B
    assert take(table, PAIR, 3.0) is None
    assert table.unavailable((PAIR,), 3.0)[SMALL].reason is ReasonCode.UNHEALTHY
    assert table.count_available(PAIR, 3.0) == 0
    trial.leave(3.0)
    assert table.count_available(PAIR, 3.0) == 1


def test_no_trial_goes_to_an_endpoint_with_calls_under_way() -> None:
    table = EndpointTable()
    under_way = take(table, SOLE)
    eject(table, SOLE, A)
    assert take(table, SOLE, 2.0) is None
    assert under_way is not None
    under_way.leave(2.0)
    assert take(table, SOLE, 2.0) is not None


def test_a_full_tier_is_kept_full_and_says_when_there_may_be_room() -> None:
    table = EndpointTable()
    places = [take(table, SOLE) for _ in range(SOLE.limits.in_flight)]
    assert None not in places
    assert take(table, SOLE) is None
    shortage = table.unavailable((SOLE,), 0.0)[SMALL]
    assert shortage.reason is ReasonCode.FULL
    assert 0.0 < shortage.retry_after_s < 1.0
    assert places[0] is not None
    places[0].leave(0.0)
    assert table.unavailable((SOLE,), 0.0) == {}
    assert table.count_available(SOLE, 0.0) == 1


def test_a_full_tier_with_an_endpoint_that_is_out_tries_it_before_it_refuses_anyone() -> None:
    table = EndpointTable()
    eject(table, PAIR, A)
    places = [take(table, PAIR) for _ in range(PAIR.limits.in_flight)]
    assert {place.endpoint for place in places if place is not None} == {B}
    assert table.unavailable((PAIR,), 0.5)[SMALL].reason is ReasonCode.FULL, "it failed less than a second ago"
    assert table.unavailable((PAIR,), 1.5) == {}
    assert table.count_available(PAIR, 1.5) == 1
    trial = take(table, PAIR, 1.5)
    assert trial is not None
    assert trial.endpoint == A
    assert table.unavailable((PAIR,), 1.5)[SMALL].reason is ReasonCode.FULL
    assert table.count_available(PAIR, 1.5) == 0


def test_long_prompts_fill_a_tier_before_many_requests_do() -> None:
    table = EndpointTable()
    tier = replace(SOLE, limits=replace(SOLE.limits, in_flight_tokens=1_000))
    assert take(table, tier, tokens=5_000), "alone, one always fits"
    assert take(table, tier, tokens=1) is None
    assert table.unavailable((tier,), 0.0, prompt_tokens=1)[SMALL].reason is ReasonCode.FULL


def queue(table: EndpointTable, endpoint: Endpoint, tokens: int) -> None:
    """Let prompts of so many tokens wait there."""
    table.state(endpoint).pending_tokens = tokens


def test_the_endpoint_that_has_computed_the_prompts_beginning_is_kept_to_until_others_are_the_sooner_done() -> None:
    table = EndpointTable()
    assert pick(table, TRIO, tokens=500, cached={C.id: 400}) == C
    queue(table, C, 300)
    assert {pick(table, TRIO, chance=step / 10, tokens=500, cached={C.id: 400}) for step in range(10)} == {C}
    queue(table, C, 5_000)
    for endpoint in (A, B):
        queue(table, endpoint, 0)
    table.servers(TRIO).usual_tokens = 50_000.0
    assert pick(table, TRIO, tokens=500, cached={C.id: 400}) in (A, B)


def test_the_more_requests_wait_the_more_what_was_computed_counts() -> None:
    """The servers' difference is the same; what is behind it in all is not."""
    table = EndpointTable()
    servers = table.servers(PAIR)
    for waiting, expected in ((0, A), (20_000, B)):
        servers.usual_tokens = 10_000.0
        queue(table, A, waiting)
        queue(table, B, waiting + 2_000)
        assert pick(table, PAIR, tokens=1_000, cached={B.id: 900}) == expected


def test_endpoints_of_the_same_cost_are_picked_as_often_as_each_other() -> None:
    table = EndpointTable()
    picked = Counter(pick(table, TRIO, chance=(step + 0.5) / 60, cached={}) for step in range(60))
    assert picked == {A: 20, B: 20, C: 20}


def test_what_an_endpoint_that_was_tried_has_computed_counts_for_nothing() -> None:
    table = EndpointTable()
    assert pick(table, TRIO, cached={C.id: 90}, tried={C.id}) in (A, B)
    assert pick(table, TRIO, cached={EndpointId("elsewhere/0"): 90}) in (A, B, C)


def test_an_endpoint_that_comes_back_is_sent_what_it_can_do_sooner_all_the_same() -> None:
    table = EndpointTable()
    servers = table.servers(PAIR)
    servers.look(0.0)
    servers.states[0].ramp = servers.states[0].weight = 0.1
    servers.is_even = False
    assert {pick(table, PAIR, chance=chance, cached={}) for chance in (0.0, JUST_BELOW_ONE)} == {B}
    queue(table, B, 50_000)
    servers.usual_tokens = 50_000.0
    assert pick(table, PAIR, cached={}) == A


def test_only_what_must_be_computed_is_ahead_of_others_and_only_until_it_has_content() -> None:
    table = EndpointTable()
    place = take(table, SOLE, tokens=1_000, cached={A.id: 900})
    assert place is not None
    state = table.state(A)
    assert (state.pending_tokens, state.prompt_tokens, state.outstanding_tokens) == (100, 1_000, 2_000)
    place.began_to_answer(Operation.CHAT, 0.2, answer_tokens=None)
    assert state.pending_tokens == 0
    place.leave(1.0)
    assert (state.pending_tokens, state.outstanding_tokens) == (0, 0)


def test_what_a_server_says_of_others_load_is_counted() -> None:
    table = EndpointTable()
    assert pick(table, PAIR) == A, "from here on it is known what a request usually has"
    table.state(A).note_load(ServerLoad(10, 0, None), 0.0)
    assert {pick(table, PAIR, chance=chance) for chance in (0.0, JUST_BELOW_ONE)} == {B}


def gray_trio() -> EndpointTable:
    table = EndpointTable()
    for state, ratio in zip(table.servers(TRIO).states, (10.0, 1.0, 1.0), strict=True):
        state.slowness.observe(ratio, 0.0)
    return table


def test_an_endpoint_much_slower_than_its_peers_is_given_one_in_so_many_requests() -> None:
    table = gray_trio()
    picked = Counter(pick(table, TRIO, 1.0, step % 97 / 97) for step in range(10 * TRICKLE_PICKS))
    assert picked[A] == 10
    assert 0.9 < picked[B] / picked[C] < 1.1


def test_where_requests_are_few_it_is_given_one_after_a_while() -> None:
    table = gray_trio()
    assert pick(table, TRIO, 1.0) == A, "it was never used"
    assert pick(table, TRIO, 1.0 + TRICKLE_S - 0.1) != A
    assert pick(table, TRIO, 1.0 + TRICKLE_S) == A


def test_a_second_attempt_is_not_spent_on_a_slow_endpoint_unless_there_is_no_other() -> None:
    table = gray_trio()
    assert pick(table, TRIO, 1.0, tried={B.id}) == C
    assert pick(table, TRIO, 1.0, tried={B.id, C.id}) == A
    assert pick(table, TRIO, 1.0, tried={A.id, B.id, C.id}) is None


def test_a_slow_endpoint_serves_when_the_others_are_full() -> None:
    table = gray_trio()
    for endpoint in (B, C):
        table.state(endpoint).in_flight = TRIO.limits.in_flight
    table.state(A).used_s = 1.0
    assert pick(table, TRIO, 1.0) == A
    table.state(A).mark_busy(2.0)
    assert pick(table, TRIO, 1.0) is None


def test_an_endpoint_at_another_address_is_another() -> None:
    table = EndpointTable()
    eject(table, SOLE, A)
    moved = replace(SOLE, endpoints=(replace(A, base_url="http://elsewhere:8000/v1"),))
    assert table.unavailable((SOLE,), 0.0)
    assert table.unavailable((moved,), 0.0) == {}
    assert table.unavailable((SOLE,), 0.0), "and the old one is not forgotten while requests are bound to it"


def test_endpoints_that_a_new_policy_drops_are_forgotten() -> None:
    table = EndpointTable()
    for endpoint in (A, B):
        table.state(endpoint).mark_busy(5.0)
    table.forget_all_but({A.id})
    assert table.state(A).is_out(0.0)
    assert not table.state(B).is_out(0.0)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=8),
    st.sets(st.integers(0, 7)),
    st.floats(0, 1, exclude_max=True),
)
def test_every_draw_finds_an_untried_endpoint_if_there_is_one(
    loads: list[int], tried_positions: set[int], chance: float
) -> None:
    tier = a_tier("t", endpoints=len(loads))
    table = EndpointTable()
    for endpoint, tokens in zip(tier.endpoints, loads, strict=True):
        load(table, endpoint, tokens)
    tried = {EndpointId(f"t/{position}") for position in tried_positions}
    left = [endpoint for endpoint in tier.endpoints if endpoint.id not in tried]
    picked = pick(table, tier, chance=chance, tried=tried)
    if not left:
        assert picked is None
        return
    assert picked in left
    ahead = sorted(table.state(endpoint).outstanding_tokens for endpoint in left)
    assert len(left) == 1 or table.state(picked).outstanding_tokens <= ahead[-2], "never the most loaded alone"


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 2_000)), min_size=2, max_size=8),
    st.integers(0, 2_000),
    st.floats(0, 1, exclude_max=True),
)
def test_nobody_is_picked_where_another_has_computed_more_and_has_less_ahead(
    servers: list[tuple[int, int]], tokens: int, chance: float
) -> None:
    tier = a_tier("t", endpoints=len(servers))
    table = EndpointTable()
    cached = {}
    for endpoint, (ahead, has) in zip(tier.endpoints, servers, strict=True):
        queue(table, endpoint, ahead)
        cached[endpoint.id] = has
    picked = pick(table, tier, chance=chance, tokens=tokens, cached=cached)
    assert picked is not None
    ahead, has = servers[tier.endpoints.index(picked)]
    for other_ahead, other_has in servers:
        assert not (other_ahead < ahead and min(other_has, tokens) >= min(has, tokens))
        assert not (other_ahead <= ahead and min(other_has, tokens) > min(has, tokens))


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8), st.floats(0, 1, exclude_max=True))
def test_whatever_the_weights_a_draw_finds_one(weights: list[float], chance: float) -> None:
    tier = a_tier("t", endpoints=len(weights))
    table = EndpointTable()
    servers = table.servers(tier)
    servers.look(0.0)
    for state, weight in zip(servers.states, weights, strict=True):
        state.ramp = state.weight = weight
    servers.is_even = False
    assert pick(table, tier, chance=chance) in tier.endpoints
    assert pick(table, tier, chance=chance, cached={}) in tier.endpoints


@pytest.mark.parametrize("chance", [0.0, JUST_BELOW_ONE])
def test_the_ends_of_chance_are_valid_draws(chance: float) -> None:
    assert pick(EndpointTable(), TRIO, chance=chance) in (A, C)


def test_calls_that_are_answered_bring_an_even_tier_no_change() -> None:
    table = EndpointTable()
    for step in range(300):
        place = take(table, TRIO, step * 0.01, step % 89 / 89)
        assert place is not None
        place.began_to_answer(Operation.CHAT, step * 0.01 + 0.2, answer_tokens=None)
        place.leave(step * 0.01 + 1.0)
    servers = table.servers(TRIO)
    assert servers.is_even
    assert [state.score for state in servers.states] == pytest.approx([1.0] * 3)


def test_the_endpoints_are_compared_before_they_are_counted() -> None:
    table = EndpointTable()
    assert table.count_available(TRIO, 0.0) == 3
    eject(table, TRIO, A)
    assert table.count_available(TRIO, 0.0) == 2


def test_a_call_is_not_made_again_where_there_is_no_room_left() -> None:
    table = EndpointTable()
    tier = replace(PAIR, limits=replace(PAIR.limits, in_flight=1))
    first = table.take_again(A, tier, 0.0, 1, 1)
    assert first is not None
    assert table.take_again(A, tier, 0.0, 1, 1) is None
    first.leave(0.0)
    assert table.take_again(A, tier, 0.0, 1, 1) is not None


def test_who_may_fill_a_part_only_is_given_no_more() -> None:
    table = EndpointTable()
    half = replace(SOLE, limits=replace(SOLE.limits, in_flight=4, fill=0.5))
    for _ in range(2):
        assert table.has_room(half, 0.0, prompt_tokens=100)
        assert take(table, half) is not None
    assert not table.has_room(half, 0.0, prompt_tokens=100)
    assert take(table, half) is None
    assert table.unavailable([half], 0.0)[SMALL].reason is ReasonCode.FULL
    assert take(table, replace(half, limits=replace(half.limits, fill=1.0))) is not None


def test_an_endpoint_that_is_out_has_no_room_and_does_not_serve() -> None:
    table = EndpointTable()
    assert table.serves(SOLE, 0.0)
    eject(table, SOLE, SOLE.endpoints[0])
    assert not table.serves(SOLE, 0.1)
    assert not table.has_room(SOLE, 0.1, prompt_tokens=1)
