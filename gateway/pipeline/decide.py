"""Stage 5, decide: constraints, then the best value, then a hold on the money for the dearest it can become."""

from collections.abc import Collection, Sequence

from gateway.core.accounting import hold_amount_usd_nano, hold_tokens
from gateway.core.routing import decide as choose
from gateway.core.value import strongest
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TierName
from gateway.domain.ledger import Hold, HoldVerdict, Refusal
from gateway.domain.money import format_usd
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Canonical, Decided, Scored
from gateway.pipeline.world import World
from gateway.ports import LedgerUnavailable

_HOLD_SLACK_S = 60.0
"""A hold outlives its request's deadline by this, so that a late settle still finds it."""
_LEDGER_BACK_S = 1.0


async def decide(scored: Scored, world: World) -> Decided:
    """Choose the ladder and place the hold."""
    canonical = scored.looked.canonical
    snapshot, route, request = canonical.admitted.arrival.snapshot, canonical.route, canonical.request
    tenant = canonical.admitted.key.tenant
    names = route.tiers if canonical.pin is None else (canonical.pin.tier,)
    tiers = [snapshot.tiers[name] for name in names]
    decision = choose(
        request,
        scored.score,
        tiers,
        route.dial,
        route=route.name,
        allowed=tenant.tiers,
        pin=canonical.pin,
        unavailable=_unavailable(tiers, world),
    )
    ladder = tuple(snapshot.tiers[name] for name in decision.ladder)
    able = [snapshot.tiers[view.tier] for view in decision.views if view.removed_by is None]
    baseline = able[strongest(able)]
    waited_s = 0.0
    if not tenant.allowance.is_unlimited:
        amount_usd_nano, tokens = hold_amount_usd_nano(request, ladder), hold_tokens(request, ladder)
        waited_s = await place_hold(canonical, world, amount_usd_nano, tokens)
    return Decided(scored, decision, ladder, baseline, waited_s)


def _unavailable(tiers: Sequence[Tier], world: World) -> Collection[TierName]:
    """Name the tiers none of whose servers may be called now; but when that is all of them, try anyway."""
    down = world.endpoints.unavailable(tiers, world.clock.now_s())
    return () if len(down) == len(tiers) else down


async def place_hold(canonical: Canonical, world: World, amount_usd_nano: int, tokens: int) -> float:
    """Claim an allowance that something limits, and return the seconds that took.

    Raises GatewayError `insufficient_quota` or `rate_limit_exceeded` (429), and `ledger_unavailable` (503) where a
    budget cannot be checked: an unchecked budget would be no budget. Mere rates are let pass then.
    """
    arrival, route, tenant = canonical.admitted.arrival, canonical.route, canonical.admitted.key.tenant
    expires_s = max(route.deadline_s, route.stream_deadline_s) + _HOLD_SLACK_S
    hold = Hold(arrival.request_id, tenant.id, tenant.allowance, amount_usd_nano, tokens, expires_s)
    # Noted before it is known to be granted: should the ledger's answer be lost, the hold must still be given back.
    arrival.hold = hold
    began_s = world.clock.now_s()
    try:
        verdict = await world.ledger.hold(hold)
    except LedgerUnavailable as error:
        if tenant.allowance.budget_usd_nano is None:
            return world.clock.now_s() - began_s
        message = "The ledger does not answer, so this tenant's budget cannot be checked; try again."
        raise GatewayError(ErrorCode.LEDGER_UNAVAILABLE, message, retry_after_s=_LEDGER_BACK_S) from error
    if not verdict.is_granted:
        arrival.hold = None
        raise _refused(hold, verdict)
    return world.clock.now_s() - began_s


def _refused(hold: Hold, verdict: HoldVerdict) -> GatewayError:
    allowance, wait_s = hold.allowance, verdict.retry_after_s
    budget_usd_nano, tokens_max = allowance.budget_usd_nano, allowance.tokens_per_minute
    if verdict.refusal is Refusal.BUDGET and budget_usd_nano is not None:
        left = format_usd(max(0, verdict.budget_left_usd_nano or 0))
        # What no window can pay for needs no waiting.
        wait = f", or wait {wait_s:.0f} s for the next window" if hold.amount_usd_nano <= budget_usd_nano else ""
        message = (
            f"The budget of {format_usd(budget_usd_nano)} USD has {left} USD left, and this request may cost "
            f"{format_usd(hold.amount_usd_nano)} USD at its longest on the dearest tier that may answer. "
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
