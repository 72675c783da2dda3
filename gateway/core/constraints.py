"""What removes a tier before any is compared, and what the caller is told when none is left."""

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NoReturn

from gateway.core.value import expected_output_tokens
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TierName
from gateway.domain.noun import noun
from gateway.domain.request import CanonicalRequest, Need
from gateway.domain.tier import Tier


@noun
class Misfit:
    """Why a tier cannot take this request now, beside what the tier itself lacks.

    `told` follows the tier's name; `retry_after_s` is when that is over, where it is over by itself.
    """

    reason: ReasonCode
    told: str
    retry_after_s: float | None = None


NO_MISFITS: Final[Mapping[TierName, Misfit]] = MappingProxyType({})
NO_SHORTAGE: Final[Mapping[TierName, Shortage]] = MappingProxyType({})

_NEEDS = (
    (Need.RESPONSES, ReasonCode.RESPONSES),
    (Need.MESSAGES, ReasonCode.MESSAGES),
    (Need.TOOLS, ReasonCode.TOOLS),
    (Need.VISION, ReasonCode.VISION),
    (Need.JSON_SCHEMA, ReasonCode.JSON_SCHEMA),
    (Need.SYSTEMONE, ReasonCode.SYSTEMONE),
    (Need.DECISIONS, ReasonCode.DECISIONS),
    (Need.RERANK, ReasonCode.RERANK),
)
_WHAT = {
    ReasonCode.KEY_TIERS: "is not open to this key",
    ReasonCode.TOOLS: "does not support tools",
    ReasonCode.VISION: "does not support images",
    ReasonCode.JSON_SCHEMA: "does not support a JSON schema as response_format",
    ReasonCode.RESPONSES: "does not serve the Responses API, which alone can do what is asked",
    ReasonCode.MESSAGES: "does not serve the Messages API, which alone can do what is asked",
    ReasonCode.SYSTEMONE: "answers no typed questions",
    ReasonCode.DECISIONS: "answers no typed questions",
    ReasonCode.RERANK: "puts no documents in order",
    ReasonCode.CONTEXT_WINDOW: "has too short a context window",
    ReasonCode.UNHEALTHY: "has no healthy endpoint",
    ReasonCode.FULL: "has no room on any endpoint",
}
_MEND = {
    ReasonCode.KEY_TIERS: "use a key that may use it, or have the tenant's `tiers` extended",
    ReasonCode.TOOLS: "leave out `tools`, or name a model that supports them",
    ReasonCode.VISION: "leave out the images, or name a model that supports them",
    ReasonCode.JSON_SCHEMA: "ask for another response_format, or name a model that supports JSON schemas",
    ReasonCode.RESPONSES: "leave out what only that API has, or name a model that is served by it",
    ReasonCode.MESSAGES: "leave out what only that API has, or name a model that is served by it",
    ReasonCode.SYSTEMONE: "name a model whose tier `supports` systemone",
    ReasonCode.DECISIONS: "name a model whose tier `supports` decisions",
    ReasonCode.RERANK: "name a model whose tier `supports` rerank",
    ReasonCode.CONTEXT_WINDOW: "shorten the messages, or lower `max_tokens`",
    ReasonCode.COST: "allow more in `x-tiergate-max-cost-usd`, or lower `max_tokens`",
    ReasonCode.DEADLINE: "allow more time, or lower `max_tokens`",
    ReasonCode.BUDGET: "lower `max_tokens`, or wait for the budget's next window",
    ReasonCode.COST_STORM: "try again when `retry-after` is over",
    ReasonCode.UNHEALTHY: "try again shortly",
    ReasonCode.FULL: "try again shortly",
}

_OF_AN_API = frozenset({ReasonCode.RESPONSES, ReasonCode.MESSAGES})
_SHORT = frozenset({ReasonCode.UNHEALTHY, ReasonCode.FULL})
_NOWHERE = frozenset({ReasonCode.SYSTEMONE, ReasonCode.DECISIONS, ReasonCode.RERANK})
"""Where nothing else stands against it, it is as if the path did not exist."""
_PASSING = (ReasonCode.COST_STORM, ReasonCode.UNHEALTHY, ReasonCode.FULL)
"""What is over by itself."""


def removal(
    tier: Tier,
    request: CanonicalRequest,
    allowed: Container[TierName] | None,
    unavailable: Mapping[TierName, Shortage] = NO_SHORTAGE,
    misfits: Mapping[TierName, Misfit] = NO_MISFITS,
) -> ReasonCode | None:
    """Return why the tier cannot take the request, or None. What will not pass comes before what may: health is last.

    The whole allowance of output must fit beside the prompt; without `max_tokens`, an answer of the expected length. Of
    several prompts the longest must fit: each has the window to itself.
    """
    if allowed is not None and tier.name not in allowed:
        return ReasonCode.KEY_TIERS
    # Operators of flags are functions in Python, 1 µs each, and most requests need nothing.
    if request.needs and request.needs & ~tier.supports:
        return next(reason for need, reason in _NEEDS if request.needs & need & ~tier.supports)
    window_tokens = request.input_tokens if request.window_tokens is None else request.window_tokens
    if window_tokens + _reserved_tokens(tier, request) > tier.context_tokens:
        return ReasonCode.CONTEXT_WINDOW
    if misfits and tier.name in misfits:
        return misfits[tier.name].reason
    return unavailable[tier.name].reason if tier.name in unavailable else None


def refuse(
    request: CanonicalRequest,
    removed: Sequence[tuple[Tier, ReasonCode]],
    misfits: Mapping[TierName, Misfit] = NO_MISFITS,
    unavailable: Mapping[TierName, Shortage] = NO_SHORTAGE,
) -> NoReturn:
    """Raise the error of a request that no tier can take; the constraint nearest to letting it pass gives the code."""
    reasons = {reason for _, reason in removed}
    refusal = None if request.native is None else request.native.refusal
    if refusal is not None and reasons <= _OF_AN_API:
        raise GatewayError(refusal.code, refusal.message, param=refusal.param)
    told = "; ".join(f"{tier.name} {_describe(tier, request, reason, misfits)}" for tier, reason in removed)
    passing = next((reason for reason in _PASSING if reason in reasons), None)
    if passing is not None:
        message = f"No tier can take this request now: {told}. To mend it: {_MEND[passing]}."
        waits_s = [misfit.retry_after_s for misfit in misfits.values() if misfit.retry_after_s is not None]
        waits_s += [unavailable[tier.name].retry_after_s for tier, reason in removed if reason in _SHORT]
        raise GatewayError(ErrorCode.TIER_UNAVAILABLE, message, retry_after_s=min(waits_s))
    mend = "; or ".join(_MEND[reason] for reason in ReasonCode if reason in reasons)
    message = f"No tier can take this request: {told}. To mend it: {mend}."
    if ReasonCode.DEADLINE in reasons:
        raise GatewayError(ErrorCode.DEADLINE_EXCEEDED, message)
    if ReasonCode.COST in reasons:
        raise GatewayError(ErrorCode.COST_CEILING_EXCEEDED, message, param="x-tiergate-max-cost-usd")
    if ReasonCode.CONTEXT_WINDOW in reasons:
        raise GatewayError(ErrorCode.CONTEXT_LENGTH_EXCEEDED, message, param="messages")
    raise GatewayError(ErrorCode.NOT_FOUND if reasons <= _NOWHERE else ErrorCode.NO_ABLE_TIER, message)


def _reserved_tokens(tier: Tier, request: CanonicalRequest) -> int:
    # The choices of one request share its prompt, and each has the window to itself.
    asked = request.max_output_tokens
    return expected_output_tokens(request, tier) // request.choices if asked is None else asked


def _describe(tier: Tier, request: CanonicalRequest, reason: ReasonCode, misfits: Mapping[TierName, Misfit]) -> str:
    misfit = misfits.get(tier.name)
    if misfit is not None and misfit.reason is reason:
        return misfit.told
    what = _WHAT[reason]
    if reason is not ReasonCode.CONTEXT_WINDOW:
        return what
    reserved = _reserved_tokens(tier, request)
    window_tokens = request.input_tokens if request.window_tokens is None else request.window_tokens
    return f"{what} ({tier.context_tokens} tokens for about {window_tokens} of input and {reserved} of output)"
