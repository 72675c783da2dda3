"""What removes a tier, and what is said when none is left."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.core.constraints import NO_SHORTAGE, Misfit, refuse, removal
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TierName
from gateway.domain.request import CanonicalRequest, Native, Need, Operation
from gateway.domain.tier import Tier
from tests.support.tiers import EVERYTHING, a_request, a_tier

DOWN = Shortage(ReasonCode.UNHEALTHY, 3.0)
FULL = Shortage(ReasonCode.FULL, 0.4)


def _removal(tier: Tier, request: CanonicalRequest) -> ReasonCode | None:
    return removal(tier, request, None)


def _refusal(*removed: tuple[Tier, ReasonCode], short: Mapping[TierName, Shortage] = NO_SHORTAGE) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        refuse(a_request(), removed, unavailable=short)
    return raised.value


def test_a_tier_that_meets_every_need_stays() -> None:
    assert _removal(a_tier("t"), a_request(needs=EVERYTHING)) is None


@pytest.mark.parametrize(
    ("need", "reason"),
    [
        (Need.TOOLS, ReasonCode.TOOLS),
        (Need.VISION, ReasonCode.VISION),
        (Need.JSON_SCHEMA, ReasonCode.JSON_SCHEMA),
        (Need.RESPONSES, ReasonCode.RESPONSES),
        (Need.MESSAGES | Need.TOOLS, ReasonCode.MESSAGES),
        (EVERYTHING, ReasonCode.TOOLS),
    ],
)
def test_a_tier_without_what_is_needed_is_removed(need: Need, reason: ReasonCode) -> None:
    assert _removal(a_tier("t", supports=Need.NONE), a_request(needs=need)) is reason


def test_only_the_missing_need_is_named() -> None:
    tier = a_tier("t", supports=Need.TOOLS | Need.JSON_SCHEMA)
    assert _removal(tier, a_request(needs=EVERYTHING)) is ReasonCode.VISION


def test_prompt_and_asked_output_must_fit_the_window_exactly() -> None:
    tier = a_tier("t", context_tokens=1_500)
    assert _removal(tier, a_request(input_tokens=1_000, max_output_tokens=500)) is None
    assert _removal(tier, a_request(input_tokens=1_000, max_output_tokens=501)) is ReasonCode.CONTEXT_WINDOW


def test_an_expected_answer_must_fit_when_no_limit_was_asked_for() -> None:
    tier = a_tier("t", context_tokens=1_100, expected_output_tokens=100)
    assert _removal(tier, a_request(input_tokens=1_000)) is None
    assert _removal(tier, a_request(input_tokens=1_001)) is ReasonCode.CONTEXT_WINDOW


def test_several_choices_do_not_share_one_window() -> None:
    tier = a_tier("t", context_tokens=1_100, expected_output_tokens=100)
    assert _removal(tier, a_request(input_tokens=1_000, choices=8)) is None


def test_a_key_sees_its_own_tiers_only() -> None:
    assert removal(a_tier("t"), a_request(), {TierName("t")}) is None
    assert removal(a_tier("t"), a_request(), {TierName("other")}) is ReasonCode.KEY_TIERS


def test_health_and_room_are_asked_last() -> None:
    tier, sick, full = a_tier("t", context_tokens=10), {TierName("t"): DOWN}, {TierName("t"): FULL}
    assert removal(tier, a_request(), None, sick) is ReasonCode.CONTEXT_WINDOW
    assert removal(a_tier("t"), a_request(), None, sick) is ReasonCode.UNHEALTHY
    assert removal(a_tier("t"), a_request(), None, full) is ReasonCode.FULL


def test_a_request_too_long_everywhere_is_told_the_windows() -> None:
    removed = ((a_tier("small", context_tokens=500), ReasonCode.CONTEXT_WINDOW), (a_tier("large"), ReasonCode.TOOLS))
    error = _refusal(*removed)
    assert error.code is ErrorCode.CONTEXT_LENGTH_EXCEEDED
    assert error.status == 400
    assert error.param == "messages"
    assert (
        "small has too short a context window (500 tokens for about 1000 of input and 100 of output)" in error.message
    )
    assert "large does not support tools" in error.message
    assert "shorten the messages" in error.message


def test_what_only_another_api_has_is_refused_in_the_words_of_its_translation() -> None:
    refusal = GatewayError(ErrorCode.INVALID_VALUE, "Responses are not kept here.", param="previous_response_id")
    native = Native(Operation.RESPONSES, b"{}", (), b"", refusal)
    asked = replace(a_request(needs=Need.RESPONSES), native=native)
    lacking = [(a_tier("small"), ReasonCode.RESPONSES), (a_tier("large"), ReasonCode.RESPONSES)]
    with pytest.raises(GatewayError) as raised:
        refuse(asked, lacking)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, "previous_response_id")
    with pytest.raises(GatewayError, match="does not serve the Responses API") as raised:
        refuse(asked, [*lacking, (a_tier("x"), ReasonCode.KEY_TIERS)])
    assert raised.value.code is ErrorCode.NO_ABLE_TIER


def test_a_request_nobody_supports_is_told_what_to_leave_out() -> None:
    error = _refusal((a_tier("small"), ReasonCode.TOOLS), (a_tier("large"), ReasonCode.KEY_TIERS))
    assert error.code is ErrorCode.NO_ABLE_TIER
    assert error.retry_after_s is None
    assert "large is not open to this key" in error.message
    assert "leave out `tools`" in error.message


def test_a_request_that_a_sick_or_full_tier_could_take_may_come_again_when_the_first_of_them_is_back() -> None:
    short = {TierName("large"): DOWN, TierName("larger"): FULL}
    reasons = (ReasonCode.CONTEXT_WINDOW, ReasonCode.UNHEALTHY, ReasonCode.FULL)
    removed = zip(map(a_tier, ("small", "large", "larger")), reasons, strict=True)
    error = _refusal(*removed, short=short)
    assert error.code is ErrorCode.TIER_UNAVAILABLE
    assert error.status == 503
    assert error.retry_after_s == FULL.retry_after_s
    assert "larger has no room on any endpoint" in error.message


MISFITS = {
    TierName("small"): Misfit(ReasonCode.COST, "may cost 2 USD, and 1 USD are allowed"),
    TierName("large"): Misfit(ReasonCode.DEADLINE, "would need about 9 s, and 1 s is left"),
}


def test_what_a_caller_does_not_allow_comes_after_what_cannot_pass_and_before_health() -> None:
    sick = {TierName("small"): DOWN}
    assert removal(a_tier("small"), a_request(), None, sick, MISFITS) is ReasonCode.COST
    assert removal(a_tier("small", context_tokens=10), a_request(), None, sick, MISFITS) is ReasonCode.CONTEXT_WINDOW
    assert removal(a_tier("other"), a_request(), None, {}, MISFITS) is None


@pytest.mark.parametrize(
    ("reasons", "code", "status"),
    [
        ((ReasonCode.COST, ReasonCode.TOOLS), ErrorCode.COST_CEILING_EXCEEDED, 402),
        ((ReasonCode.TOOLS, ReasonCode.DEADLINE), ErrorCode.DEADLINE_EXCEEDED, 504),
        ((ReasonCode.COST, ReasonCode.DEADLINE), ErrorCode.DEADLINE_EXCEEDED, 504),
    ],
)
def test_a_plan_that_does_not_fit_is_told_tier_by_tier(
    reasons: tuple[ReasonCode, ReasonCode], code: ErrorCode, status: int
) -> None:
    removed = list(zip((a_tier("small"), a_tier("large")), reasons, strict=True))
    with pytest.raises(GatewayError) as raised:
        refuse(a_request(), removed, MISFITS)
    error = raised.value
    assert (error.code, error.status, error.retry_after_s) == (code, status, None)
    assert ("small may cost 2 USD, and 1 USD are allowed" in error.message) is (ReasonCode.COST in reasons)
    assert ("large would need about 9 s, and 1 s is left" in error.message) is (ReasonCode.DEADLINE in reasons)
    assert "lower `max_tokens`" in error.message


def test_what_is_over_by_itself_is_told_with_its_time() -> None:
    misfits = {TierName("large"): Misfit(ReasonCode.COST_STORM, "takes no more", 7.5)}
    removed = [(a_tier("small"), ReasonCode.UNHEALTHY), (a_tier("large"), ReasonCode.COST_STORM)]
    with pytest.raises(GatewayError) as raised:
        refuse(a_request(), removed, misfits, {TierName("small"): Shortage(ReasonCode.UNHEALTHY, 9.0)})
    assert (raised.value.code, raised.value.retry_after_s) == (ErrorCode.TIER_UNAVAILABLE, 7.5)
    assert "small has no healthy endpoint; large takes no more" in raised.value.message
