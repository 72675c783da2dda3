"""When a conversation stays with its tier, and when it may leave."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.conversation import (
    EASY_TURNS,
    Choice,
    Turn,
    conversation_key,
    is_current,
    weigh,
)
from gateway.domain.conversation import ConversationTerms, Standing, Verdict
from gateway.domain.decision import ReasonCode
from gateway.domain.identity import CacheScope
from gateway.domain.ids import EndpointId, TenantId, TierName
from tests.support.tiers import a_tier

TIERS = (
    a_tier("small", 0, input_usd_pico=1_000_000, cached_input_usd_pico=100_000),
    a_tier("mid", 1, input_usd_pico=3_000_000, cached_input_usd_pico=300_000),
    a_tier("large", 2, input_usd_pico=10_000_000, cached_input_usd_pico=1_000_000),
)
SMALL, MID, LARGE = range(3)
PREFIX_TOKENS = 10_000
LOSS_USD_NANO = {SMALL: 9_000_000, MID: 27_000_000, LARGE: 90_000_000}
"""Nine tenths of the input price for ten thousand tokens."""
DIAL = 2.0
"""So leaving mid costs 0.054 of value, and with the margin 0.154 is needed."""
NEEDED_AT_MID = 0.154


def a_turn(at: int = MID, *, easy_turns: int = 0, in_tool_loop: bool = False, **terms: Any) -> Turn:
    standing = Standing(TIERS[at].name, EndpointId(f"{TIERS[at].name}/0"), PREFIX_TOKENS, easy_turns, 1_000.0)
    return Turn(standing, ConversationTerms(**terms), in_tool_loop, PREFIX_TOKENS + 50)


def a_choice(chosen: int, gain: float, *, at: int = MID, reason: ReasonCode = ReasonCode.BEST_VALUE) -> Choice:
    """Choose a tier whose value is so much above that of the conversation's."""
    values = [0.0, 0.0, 0.0]
    values[at] = 0.5
    values[chosen] = 0.5 + gain
    return Choice(range(3), values, chosen, reason, DIAL)


def test_a_tool_loop_is_never_left_however_much_another_tier_gains() -> None:
    for chosen in (SMALL, MID, LARGE):
        position, reason, note = weigh(a_turn(in_tool_loop=True, easy_turns=1), TIERS, a_choice(chosen, 5.0))
        assert (position, reason, note.verdict) == (MID, ReasonCode.CONVERSATION_LOCKED, Verdict.LOCKED)
        assert note.easy_turns == 1, "the steps of a loop are no turns"


def test_without_the_lock_a_tool_loop_may_be_left_upwards_alone() -> None:
    up = weigh(a_turn(in_tool_loop=True, lock_in_tool_loop=False), TIERS, a_choice(LARGE, 5.0))
    assert (up[0], up[1]) == (LARGE, ReasonCode.CONVERSATION_SWITCHED)
    down = weigh(a_turn(in_tool_loop=True, lock_in_tool_loop=False, easy_turns=9), TIERS, a_choice(SMALL, 5.0))
    assert (down[0], down[1]) == (MID, ReasonCode.CONVERSATION_KEPT)


@pytest.mark.parametrize(("gain", "chosen"), [(NEEDED_AT_MID + 1e-6, LARGE), (NEEDED_AT_MID - 1e-6, MID)])
def test_going_up_takes_a_gain_above_the_price_of_the_prefix_and_the_margin(gain: float, chosen: int) -> None:
    position, reason, note = weigh(a_turn(), TIERS, a_choice(LARGE, gain))
    assert position == chosen
    assert reason is (ReasonCode.CONVERSATION_SWITCHED if chosen == LARGE else ReasonCode.CONVERSATION_KEPT)
    assert note.prefix_loss_usd_nano == LOSS_USD_NANO[MID]
    assert note.gain == pytest.approx(gain)
    assert note.gain_needed == pytest.approx(NEEDED_AT_MID)
    assert note.easy_turns == 0


def test_going_down_waits_for_two_easy_turns_in_a_row() -> None:
    turn = a_turn()
    for easy_turns in range(1, EASY_TURNS):
        position, _, note = weigh(turn, TIERS, a_choice(SMALL, 1.0))
        assert (position, note.verdict, note.easy_turns) == (MID, Verdict.KEPT, easy_turns)
        turn = a_turn(easy_turns=note.easy_turns)
    position, reason, note = weigh(turn, TIERS, a_choice(SMALL, 1.0))
    assert (position, reason, note.easy_turns) == (SMALL, ReasonCode.CONVERSATION_SWITCHED, 0)


def test_a_hard_turn_between_easy_ones_begins_the_count_anew() -> None:
    _, reason, note = weigh(a_turn(easy_turns=1), TIERS, a_choice(MID, 0.0))
    assert (reason, note.verdict, note.easy_turns) == (ReasonCode.BEST_VALUE, Verdict.SAME, 0)


def test_going_down_must_pay_however_many_turns_were_easy() -> None:
    position, _, note = weigh(a_turn(easy_turns=9), TIERS, a_choice(SMALL, NEEDED_AT_MID / 2))
    assert (position, note.verdict, note.easy_turns) == (MID, Verdict.KEPT, 10)


@pytest.mark.parametrize("reason", [ReasonCode.STRONGEST_UNKNOWN, ReasonCode.STRONGEST_UNCERTIFIED])
def test_what_the_route_promises_to_the_strongest_goes_there_and_says_why(reason: ReasonCode) -> None:
    position, told, note = weigh(a_turn(), TIERS, a_choice(LARGE, -0.3, reason=reason))
    assert (position, told, note.verdict) == (LARGE, reason, Verdict.SWITCHED)


def test_a_tier_that_was_removed_holds_nobody_even_in_a_tool_loop() -> None:
    choice = replace(a_choice(LARGE, 0.0), able=(SMALL, LARGE))
    position, reason, note = weigh(a_turn(in_tool_loop=True), TIERS, choice)
    assert (position, reason, note.verdict) == (LARGE, ReasonCode.BEST_VALUE, Verdict.RELEASED)
    gone = replace(a_turn(), standing=replace(a_turn().standing, tier=TierName("renamed")))
    assert weigh(gone, TIERS, a_choice(SMALL, 0.0))[2].verdict is Verdict.RELEASED


def test_a_history_that_was_cut_releases_the_conversation() -> None:
    cut = replace(a_turn(), input_tokens=PREFIX_TOKENS // 2 - 1)
    assert weigh(cut, TIERS, a_choice(SMALL, 0.01))[0] == SMALL
    whole = replace(a_turn(), input_tokens=PREFIX_TOKENS // 2)
    assert weigh(whole, TIERS, a_choice(SMALL, 0.01))[0] == MID


def test_a_history_that_was_cut_within_a_tool_loop_leaves_it_with_its_tier() -> None:
    cut = replace(a_turn(in_tool_loop=True), input_tokens=PREFIX_TOKENS // 2 - 1)
    position, reason, note = weigh(cut, TIERS, a_choice(LARGE, 5.0))
    assert (position, reason, note.verdict) == (MID, ReasonCode.CONVERSATION_LOCKED, Verdict.LOCKED)


def test_a_price_that_knows_no_cache_loses_nothing() -> None:
    tiers = tuple(replace(tier, price=replace(tier.price, cached_input_usd_pico=99_000_000)) for tier in TIERS)
    note = weigh(a_turn(), tiers, a_choice(LARGE, 1.0))[2]
    assert note.prefix_loss_usd_nano == 0


def test_a_conversation_begins_anew_after_its_rest_and_is_not_followed_where_the_policy_says_off() -> None:
    standing, terms = a_turn().standing, ConversationTerms(idle_reset_s=60.0)
    assert is_current(standing, terms, 1_059.0)
    assert not is_current(standing, terms, 1_060.0)
    assert not is_current(standing, ConversationTerms(idle_reset_s=None), 1_000.0)


def test_keys_of_two_tenants_or_identities_have_nothing_in_common() -> None:
    alice, bob = (CacheScope(TenantId(name), name.encode() * 8) for name in ("alice", "bob"))
    keys = {conversation_key(scope, identity).digest for scope in (alice, bob) for identity in (b"a", b"b")}
    assert len(keys) == 4
    assert conversation_key(alice, b"a") == conversation_key(alice, b"a")


@given(
    at=st.sampled_from([SMALL, MID, LARGE]),
    chosen=st.sampled_from([SMALL, MID, LARGE]),
    gain=st.floats(0.0, 10.0),
    easy_turns=st.integers(0, 5),
    in_tool_loop=st.booleans(),
)
def test_a_conversation_moves_only_for_a_sufficient_gain_and_never_down_within_a_loop(
    at: int, chosen: int, gain: float, easy_turns: int, in_tool_loop: bool
) -> None:
    turn = a_turn(at, easy_turns=easy_turns, in_tool_loop=in_tool_loop)
    position, _, note = weigh(turn, TIERS, a_choice(chosen, gain, at=at))
    assert position in (at, chosen)
    if position != at:
        assert not in_tool_loop
        assert note.gain > note.gain_needed >= 0.1
        assert position > at or easy_turns + 1 >= EASY_TURNS
