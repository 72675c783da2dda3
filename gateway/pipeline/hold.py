"""Claims on a tenant's allowance, placed before any server is called. `account` ends what is placed here."""

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import RequestId
from gateway.domain.ledger import UNLIMITED, Hold, HoldVerdict, Refusal
from gateway.domain.money import format_usd
from gateway.pipeline.journey import Canonical
from gateway.pipeline.world import World
from gateway.ports import LedgerUnavailable

_HOLD_SLACK_S = 60.0
"""A hold outlives its request's deadline by this, so that a late settle still finds it."""
LEDGER_WITHIN_S = 0.015
"""How long a request waits for the ledger, in all. Before, it waits up to 5 ms for the cache and as long to learn where
its conversation stands: a slow or dead shared store delays it by 25 ms at most."""
_LEDGER_BACK_S = 1.0
_AGAIN = "/2"
"""Ends the name of a second claim: under the first one's name the ledger would repeat its refusal."""


async def place_hold(canonical: Canonical, world: World, amount_usd_nano: int, tokens: int) -> float:
    """Claim an allowance that something limits, and return the seconds that took.

    Raises GatewayError `insufficient_quota` or `rate_limit_exceeded` (429), and `ledger_unavailable` (503) where a
    budget cannot be checked: an unchecked budget would be no budget. Mere rates are let pass then.
    """
    began_s = world.clock.now_s()
    hold, verdict = await claim(canonical, world, amount_usd_nano, tokens)
    if not verdict.is_granted:
        raise refused(hold, verdict, amount_usd_nano)
    return world.clock.now_s() - began_s


async def claim(
    canonical: Canonical,
    world: World,
    amount_usd_nano: int,
    tokens: int,
    *,
    again: bool = False,
    within_s: float = LEDGER_WITHIN_S,
) -> tuple[Hold, HoldVerdict]:
    """Ask the ledger, and note the hold on the request; `again` after a first claim that was refused.

    The verdict is waited for `within_s` at most.
    Raises GatewayError `ledger_unavailable` (503) where a budget cannot be checked.
    """
    arrival, route, tenant = canonical.admitted.arrival, canonical.route, canonical.admitted.key.tenant
    expires_s = max(route.deadline_s, route.stream_deadline_s) + _HOLD_SLACK_S
    name = RequestId(arrival.request_id + _AGAIN) if again else arrival.request_id
    # Noted before it is known to be granted: should the ledger's answer be lost, the hold must still be given back.
    hold = arrival.hold = Hold(name, tenant.id, tenant.allowance, amount_usd_nano, tokens, expires_s, within_s)
    try:
        verdict = await world.ledger.hold(hold)
    except LedgerUnavailable as error:
        if tenant.allowance.budget_usd_nano is None:
            return hold, UNLIMITED
        message = "The ledger does not answer, so this tenant's budget cannot be checked; try again."
        raise GatewayError(ErrorCode.LEDGER_UNAVAILABLE, message, retry_after_s=_LEDGER_BACK_S) from error
    if not verdict.is_granted:
        arrival.hold = None
    return hold, verdict


def refused(hold: Hold, verdict: HoldVerdict, least_usd_nano: int) -> GatewayError:
    """Return the error of a claim that was refused; `least_usd_nano` is what would do on the cheapest tier."""
    allowance, wait_s = hold.allowance, verdict.retry_after_s
    budget_usd_nano, tokens_max = allowance.budget_usd_nano, allowance.tokens_per_minute
    if verdict.refusal is Refusal.BUDGET and budget_usd_nano is not None:
        left = format_usd(max(0, verdict.budget_left_usd_nano or 0))
        # What no window can pay for needs no waiting.
        wait = f", or wait {wait_s:.0f} s for the next window" if least_usd_nano <= budget_usd_nano else ""
        message = (
            f"The budget of {format_usd(budget_usd_nano)} USD has {left} USD left, and this request may cost "
            f"{format_usd(least_usd_nano)} USD at its longest even on the cheapest tier that may answer. "
            f"Set max_tokens, or lower it{wait}."
        )
        return GatewayError(ErrorCode.INSUFFICIENT_QUOTA, message, retry_after_s=wait_s)
    if verdict.refusal is Refusal.TOKENS_PER_MINUTE and tokens_max is not None and hold.tokens > tokens_max:
        message = (
            f"This request may use {hold.tokens} tokens, and the limit is {tokens_max} a minute. "
            "Lower max_tokens (without it the longest answer is counted), or shorten the messages."
        )
        return GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, message)
    limit, unit = (
        (allowance.requests_per_minute, "requests")
        if verdict.refusal is Refusal.REQUESTS_PER_MINUTE
        else (tokens_max, "tokens")
    )
    message = f"The limit of {limit} {unit} a minute is reached; try again in {wait_s:.0f} s."
    return GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, message, retry_after_s=wait_s)
