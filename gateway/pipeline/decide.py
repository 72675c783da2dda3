"""Stage 5, decide: constraints, then the best value, then a hold on the money for the dearest it can become."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from gateway.core.accounting import hold_amount_usd_nano, hold_tokens
from gateway.core.plan_fit import unaffordable
from gateway.core.routing import Bars
from gateway.core.routing import decide as choose
from gateway.core.value import strongest
from gateway.domain.decision import Decision, TierView
from gateway.domain.ledger import Hold, HoldVerdict, Refusal
from gateway.domain.tier import Tier
from gateway.pipeline.bars import bars_of, without_storm
from gateway.pipeline.converse import recall
from gateway.pipeline.hold import LEDGER_WITHIN_S, claim, refused
from gateway.pipeline.journey import Canonical, Decided, Scored
from gateway.pipeline.world import World
from gateway.wire.caller_limits import caller_limits


async def decide(scored: Scored, world: World) -> Decided:
    """Choose the ladder and place the hold."""
    canonical = scored.looked.canonical
    arrival, route, request = canonical.admitted.arrival, canonical.route, canonical.request
    snapshot, tenant = arrival.snapshot, canonical.admitted.key.tenant
    longest_s = route.stream_deadline_s if request.stream else route.deadline_s
    limits, now_s = caller_limits(arrival.inbound.headers, longest_s), world.clock.now_s()
    names = route.tiers if canonical.pin is None else (canonical.pin.tier,)
    tiers = [snapshot.tiers[name] for name in names]
    down = world.endpoints.unavailable(tiers, now_s, prompt_tokens=request.input_tokens)
    recalled = await recall(canonical, world)
    decide_under = partial(
        choose,
        request,
        scored.score,
        tiers,
        route.dial,
        route=route.name,
        allowed=tenant.tiers,
        pin=canonical.pin,
        unavailable=down,
        turn=recalled.turn,
        degrade=route.fallback.degrade,
    )
    bars = bars_of(canonical, tiers, limits, world, now_s)
    decision = decide_under(bars=bars)
    if down or bars.passed_over:
        decision, bars = without_storm(arrival, decision, bars, decide_under, tiers, world)
    waited_s = recalled.waited_s
    if not tenant.allowance.is_unlimited:
        began_s = world.clock.now_s()
        decision = await _hold_for(canonical, tiers, decision, bars, decide_under, world)
        waited_s += world.clock.now_s() - began_s
    if tenant.strongest_share is not None and len(tiers) > 1:
        top = tiers[strongest(tiers)].name
        world.shares.count(canonical.admitted.key.id, now_s, strongest=decision.ladder[0] == top)
    ladder = tuple(snapshot.tiers[name] for name in decision.ladder)
    able = [snapshot.tiers[view.tier] for view in decision.views if view.removed_by is None]
    deadline_at_s = arrival.received_s + (longest_s if limits.deadline_s is None else limits.deadline_s)
    return Decided(
        scored, decision, ladder, able[strongest(able)], waited_s, deadline_at_s, recalled.key, recalled.standing
    )


async def _hold_for(
    canonical: Canonical,
    tiers: Sequence[Tier],
    decision: Decision,
    bars: Bars,
    decide_under: Callable[..., Decision],
    world: World,
) -> Decision:
    """Hold the dearest that the ladder can cost; where the budget has less left, decide again among what it covers.

    Raises what `hold.place_hold` raises.
    """
    began_s = world.clock.now_s()
    hold, verdict = await _claim(canonical, tiers, decision, world)
    left_usd_nano = verdict.budget_left_usd_nano
    if verdict.refusal is Refusal.BUDGET and left_usd_nano is not None:
        dear = unaffordable(canonical.request, tiers, left_usd_nano)
        if any(view.tier not in dear for view in _able(decision, bars)):
            decision = decide_under(bars=replace(bars, misfits={**dear, **bars.misfits}))
            within_s = max(0.0, began_s + LEDGER_WITHIN_S - world.clock.now_s())
            hold, verdict = await _claim(canonical, tiers, decision, world, again=True, within_s=within_s)
    if not verdict.is_granted:
        able = {view.tier for view in _able(decision, bars)}
        least_usd_nano = min(hold_amount_usd_nano(canonical.request, (tier,)) for tier in tiers if tier.name in able)
        raise refused(hold, verdict, least_usd_nano)
    return decision


async def _claim(
    canonical: Canonical,
    tiers: Sequence[Tier],
    decision: Decision,
    world: World,
    *,
    again: bool = False,
    within_s: float = LEDGER_WITHIN_S,
) -> tuple[Hold, HoldVerdict]:
    ladder = [tier for tier in tiers if tier.name in decision.ladder]
    request = canonical.request
    amount_usd_nano, tokens = hold_amount_usd_nano(request, ladder), hold_tokens(request, ladder)
    return await claim(canonical, world, amount_usd_nano, tokens, again=again, within_s=within_s)


def _able(decision: Decision, bars: Bars) -> list[TierView]:
    """Return the tiers that can take the request, those among them that it passed over for others."""
    passed_over = bars.passed_over
    return [view for view in decision.views if view.removed_by in (None, passed_over.get(view.tier))]
