"""Where a request goes, and why."""

from dataclasses import replace

import pytest

from gateway.core.constraints import Misfit
from gateway.core.conversation import Turn
from gateway.core.routing import Bars, Flip, Pin, decide, flips
from gateway.domain.ability import Correction, sigmoid, unknown_score
from gateway.domain.conversation import ConversationTerms, Standing, Verdict
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import EndpointId, RouteName, TierName
from gateway.domain.request import Need
from tests.support.tiers import KNOWN, a_dial, a_request, a_tier, an_ability

SMALL = a_tier("small", 0, ability=an_ability(-1.0, prior=0.3), output_usd_pico=1_000_000)
MID = a_tier("mid", 1, ability=an_ability(0.0, prior=0.5), output_usd_pico=10_000_000)
LARGE = a_tier("large", 2, ability=an_ability(2.0, prior=0.8), output_usd_pico=100_000_000)
TIERS = (SMALL, MID, LARGE)
DOWN = Shortage(ReasonCode.UNHEALTHY, 2.0)
P_SMALL, P_MID, P_LARGE = sigmoid(-1.0), 0.5, sigmoid(2.0)
"""Costs are 0.0001, 0.001 and 0.01 USD, so mid overtakes large at λ = 42.3, and small overtakes mid at λ = 256.7."""

MID_FROM = (P_LARGE - P_MID) / 0.009
SMALL_FROM = (P_MID - P_SMALL) / 0.0009
BY_DIAL = {
    0.0: "large",
    MID_FROM - 1: "large",
    MID_FROM + 1: "mid",
    SMALL_FROM - 1: "mid",
    SMALL_FROM + 1: "small",
}


def _names(*names: str) -> tuple[TierName, ...]:
    return tuple(TierName(name) for name in names)


@pytest.mark.parametrize(
    ("dial", "chosen"),
    [
        (0.0, "large"),
        (MID_FROM - 1, "large"),
        (MID_FROM + 1, "mid"),
        (SMALL_FROM - 1, "mid"),
        (SMALL_FROM + 1, "small"),
    ],
)
def test_the_bolder_the_dial_the_cheaper_the_tier(dial: float, chosen: str) -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(dial), route=RouteName("balanced"))
    assert decision.ladder[0] == chosen
    assert decision.reason is ReasonCode.BEST_VALUE
    assert decision.route == "balanced"
    assert decision.dial == dial


def test_an_unknown_request_is_placed_by_the_priors() -> None:
    decision = decide(a_request(), unknown_score("none"), TIERS, a_dial())
    assert [view.p for view in decision.views] == [0.3, 0.5, 0.8]
    assert decision.ladder[0] == "large"


def test_every_tier_is_shown_as_the_decision_saw_it() -> None:
    decision = decide(a_request(needs=Need.TOOLS), KNOWN, (a_tier("bare", supports=Need.NONE), LARGE), a_dial(10.0))
    bare, large = decision.views
    assert (bare.removed_by, bare.value) == (ReasonCode.TOOLS, None)
    assert large.removed_by is None
    assert large.value == pytest.approx(P_LARGE - 10.0 * 0.01)
    assert large.expected_cost_usd_nano == 10_000_000
    assert large.p_low < large.p < large.p_high


def test_a_failing_cheap_tier_climbs_once_and_then_no_further() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(SMALL_FROM + 1))
    assert decision.ladder == _names("small", "mid")


def test_a_failing_tier_climbs_before_it_descends() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(MID_FROM + 1))
    assert decision.ladder == _names("mid", "large", "small")


def test_below_the_top_others_are_tried_by_value() -> None:
    assert decide(a_request(), KNOWN, TIERS, a_dial()).ladder == _names("large", "mid", "small")


def test_a_route_that_would_rather_have_no_answer_than_a_weaker_one_never_descends() -> None:
    for dial_per_usd in (0.0, 1e3, 1e9):
        decision = decide(a_request(), KNOWN, TIERS, a_dial(dial_per_usd), degrade=False)
        ranks = [["small", "mid", "large"].index(tier) for tier in decision.ladder]
        assert ranks == sorted(ranks)


def test_a_removed_tier_is_never_on_the_ladder() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), unavailable={TierName("large"): DOWN})
    assert decision.ladder == _names("mid", "small")
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), allowed={TierName("small"), TierName("large")})
    assert decision.ladder == _names("large", "small")


def test_the_last_able_tier_is_chosen_for_that() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(strongest_only=True), allowed={TierName("small")})
    assert decision.ladder == _names("small")
    assert decision.reason is ReasonCode.ONLY_ABLE


def test_an_uncertified_route_may_keep_to_the_strongest() -> None:
    odd = a_tier("odd", 3, ability=an_ability(3.0, prior=0.6), output_usd_pico=200_000_000)
    decision = decide(a_request(), KNOWN, (*TIERS, odd), a_dial(certified=False, strongest_only=True))
    assert decision.ladder[0] == "large"
    assert decision.reason is ReasonCode.STRONGEST_UNCERTIFIED
    assert not decision.certified


def test_what_is_unknown_may_be_sent_to_the_strongest() -> None:
    careful, unknown = a_dial(1e9, strongest_when_unknown=True), unknown_score("test")
    decision = decide(a_request(), unknown, TIERS, careful)
    assert (decision.ladder[0], decision.reason) == ("large", ReasonCode.STRONGEST_UNKNOWN)
    assert decide(a_request(), KNOWN, TIERS, careful).reason is ReasonCode.BEST_VALUE
    assert decide(a_request(), unknown, TIERS, a_dial(1e9)).ladder[0] == "small"
    told = replace(unknown, corrections=(Correction(TierName("small"), 1.0, 20.0),))
    assert decide(a_request(), told, TIERS, careful).reason is ReasonCode.BEST_VALUE


def _passed_over(*names: str) -> Bars:
    return Bars(passed_over=dict.fromkeys(_names(*names), ReasonCode.SLO))


def test_a_tier_passed_over_is_not_chosen_and_still_tried_last() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=_passed_over("large"))
    assert decision.ladder == _names("mid", "small", "large")
    assert decision.reason is ReasonCode.BEST_VALUE
    assert (decision.views[2].removed_by, decision.views[2].value) == (ReasonCode.SLO, None)


def test_a_ladder_climbs_once_with_those_passed_over_too() -> None:
    assert decide(a_request(), KNOWN, TIERS, a_dial(SMALL_FROM + 1), bars=_passed_over("large")).ladder == _names(
        "small", "mid"
    )
    assert decide(a_request(), KNOWN, TIERS, a_dial(SMALL_FROM + 1), bars=_passed_over("small")).ladder == _names(
        "mid", "large", "small"
    )


def test_the_only_able_tier_is_passed_over_by_nobody() -> None:
    every = _passed_over("small", "mid", "large")
    assert decide(a_request(), KNOWN, TIERS, a_dial(), bars=every).ladder == _names("large", "mid", "small")
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=every, allowed={TierName("mid")})
    assert (decision.ladder, decision.reason) == (_names("mid"), ReasonCode.ONLY_ABLE)
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=_passed_over("small", "large"))
    assert (decision.ladder[0], decision.reason) == ("mid", ReasonCode.ONLY_ABLE)


def test_what_is_removed_anyway_is_removed_for_that_and_a_pin_is_not_passed_over() -> None:
    bars, sick = _passed_over("large"), {TierName("large"): DOWN}
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), unavailable=sick, bars=bars)
    assert decision.views[2].removed_by is ReasonCode.UNHEALTHY
    assert decision.ladder == _names("mid", "small")
    pin = Pin(TierName("large"), ReasonCode.PINNED_BY_HEADER)
    assert decide(a_request(), KNOWN, TIERS, a_dial(), pin=pin, bars=bars).ladder == _names("large")


def test_a_tier_that_a_key_has_had_its_share_of_is_not_on_the_ladder_unless_it_is_the_only_one() -> None:
    spent = {TierName("large"): ReasonCode.STRONGEST_SHARE}
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=Bars(passed_over=spent))
    assert decision.ladder == _names("mid", "small")
    assert decision.views[2].removed_by is ReasonCode.STRONGEST_SHARE
    only = decide(a_request(), KNOWN, TIERS, a_dial(), bars=Bars(passed_over=spent), allowed={TierName("large")})
    assert only.ladder == _names("large")


def test_a_cap_holds_though_every_other_tier_misses_its_objective() -> None:
    slow = dict.fromkeys(_names("small", "mid"), ReasonCode.SLO)
    bars = Bars(passed_over={**slow, TierName("large"): ReasonCode.STRONGEST_SHARE})
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=bars)
    assert decision.ladder == _names("mid", "small")
    assert [view.removed_by for view in decision.views] == [None, None, ReasonCode.STRONGEST_SHARE]


def test_what_does_not_fit_is_left_out_of_the_ladder_and_a_pin_on_it_is_told_why() -> None:
    misfit = Misfit(ReasonCode.COST, "may cost 2 USD, and 1 USD are allowed")
    bars = Bars(misfits={TierName("large"): misfit})
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), bars=bars)
    assert decision.ladder == _names("mid", "small")
    assert decision.views[2].removed_by is ReasonCode.COST
    for pin in (None, Pin(TierName("large"), ReasonCode.PINNED_BY_ALIAS)):
        with pytest.raises(GatewayError, match="large may cost 2 USD, and 1 USD are allowed") as raised:
            decide(a_request(), KNOWN, (LARGE,), a_dial(), bars=bars, pin=pin)
        assert raised.value.code is ErrorCode.COST_CEILING_EXCEEDED


@pytest.mark.parametrize("reason", [ReasonCode.PINNED_BY_ALIAS, ReasonCode.PINNED_BY_HEADER])
def test_a_pinned_tier_is_the_only_rung(reason: ReasonCode) -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), pin=Pin(TierName("small"), reason))
    assert decision.ladder == _names("small")
    assert decision.reason is reason
    assert all(view.removed_by is None for view in decision.views)


def test_a_pinned_tier_must_pass_the_constraints() -> None:
    pin = Pin(TierName("small"), ReasonCode.PINNED_BY_ALIAS)
    with pytest.raises(GatewayError, match="small has no healthy endpoint") as raised:
        decide(a_request(), KNOWN, TIERS, a_dial(), pin=pin, unavailable={TierName("small"): DOWN})
    assert raised.value.code is ErrorCode.TIER_UNAVAILABLE
    assert "large" not in raised.value.message


def test_a_pin_on_nothing_names_what_there_is() -> None:
    with pytest.raises(GatewayError, match=r"There is no tier 'huge' here. Name one of: small, mid, large.") as raised:
        decide(a_request(), KNOWN, TIERS, a_dial(), pin=Pin(TierName("huge"), ReasonCode.PINNED_BY_HEADER))
    assert raised.value.code is ErrorCode.INVALID_VALUE


def test_a_request_without_an_able_tier_is_refused() -> None:
    with pytest.raises(GatewayError) as raised:
        decide(a_request(input_tokens=10**6), KNOWN, TIERS, a_dial())
    assert raised.value.code is ErrorCode.CONTEXT_LENGTH_EXCEEDED


def test_flips_tell_the_probability_and_the_dial_that_were_missing() -> None:
    small, large = flips(decide(a_request(), KNOWN, TIERS, a_dial(100.0)))
    assert (small.tier, large.tier) == ("small", "large")
    assert small.p_needed == pytest.approx(P_MID - 100.0 * 0.0009)
    assert large.p_needed == pytest.approx(P_MID + 100.0 * 0.009)
    assert small.dial_needed == pytest.approx(SMALL_FROM)
    assert large.dial_needed == pytest.approx(MID_FROM)


def test_a_tier_that_is_worse_and_dearer_wins_at_no_dial() -> None:
    poor = a_tier("poor", 3, ability=an_ability(1.0, prior=0.7), output_usd_pico=200_000_000)
    twin = a_tier("twin", 3, ability=an_ability(1.0, prior=0.7), output_usd_pico=100_000_000)
    for never in (poor, twin):
        decision = decide(a_request(), KNOWN, (LARGE, never), a_dial(5.0))
        assert flips(decision)[0].dial_needed is None


def test_a_removed_tier_is_not_among_the_flips() -> None:
    decision = decide(a_request(), KNOWN, TIERS, a_dial(), unavailable={TierName("mid"): DOWN})
    assert [flip.tier for flip in flips(decision)] == ["small"]


def test_an_equal_tier_needs_no_other_dial() -> None:
    twin = a_tier("twin", 3, ability=an_ability(2.0, prior=0.8), output_usd_pico=100_000_000)
    decision = decide(a_request(), KNOWN, (LARGE, twin), a_dial(5.0))
    assert flips(decision) == (Flip(TierName("twin"), decision.views[0].p, 5.0),)


def test_feedback_moves_the_tier_it_is_about_and_the_choice_with_it() -> None:
    corrected = replace(KNOWN, corrections=(Correction(TierName("mid"), -1.0, 20.0),))
    before, after = (decide(a_request(), score, TIERS, a_dial(MID_FROM + 1)) for score in (KNOWN, corrected))
    assert (before.ladder[0], after.ladder[0]) == ("mid", "large")
    assert [view.p for view in after.views] == [P_SMALL, sigmoid(-1.0), P_LARGE]


@pytest.mark.parametrize(("in_tool_loop", "chosen"), [(True, "large"), (False, "mid")])
def test_a_tier_that_a_tool_loop_holds_is_not_passed_over(in_tool_loop: bool, chosen: str) -> None:
    standing = Standing(TierName("large"), EndpointId("large/0"), 100, 0, 0.0)
    turn = Turn(standing, ConversationTerms(), in_tool_loop, 200)
    bars = Bars(passed_over={TierName("large"): ReasonCode.SLO})
    decision = decide(a_request(), KNOWN, TIERS, a_dial(0.0), bars=bars, turn=turn)
    assert decision.ladder[0] == chosen
    assert decision.conversation is not None
    assert decision.conversation.verdict is (Verdict.LOCKED if in_tool_loop else Verdict.RELEASED)
