"""Stage 5, decide: constraints, then the best value, then a hold on the money for the dearest it can become.

A batch request first waits for room on the tier that it would be sent to if there were room everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.core.accounting import hold_amount_usd_nano, hold_tokens
from gateway.core.constraints import NO_SHORTAGE
from gateway.core.conversation import Turn
from gateway.core.plan_fit import unaffordable
from gateway.core.routing import Bars
from gateway.core.routing import decide as choose
from gateway.core.value import strongest
from gateway.domain.decision import Decision, ReasonCode, Shortage, TierView
from gateway.domain.ids import TierName
from gateway.domain.ledger import Hold, HoldVerdict, Refusal
from gateway.domain.tier import Tier
from gateway.pipeline.bars import bars_of, without_storm
from gateway.pipeline.converse import recall
from gateway.pipeline.hold import LEDGER_WITHIN_S, claim, refused
from gateway.pipeline.journey import Canonical, Decided, Scored
from gateway.pipeline.turn import wait_for_turn
from gateway.pipeline.world import World
from gateway.wire.caller_limits import caller_limits

_NOT_NOW_S: Final = 1.0


async def decide(scored: Scored, world: World) -> Decided:
    """Choose the ladder and place the hold. Raises what `turn.wait_for_turn` does, too."""
    canonical = scored.looked.canonical
    arrival, route, request = canonical.admitted.arrival, canonical.route, canonical.request
    every, tenant = canonical.tiers, canonical.admitted.key.tenant
    longest_s = route.stream_deadline_s if request.stream else route.deadline_s
    limits, now_s = caller_limits(arrival.inbound.headers, longest_s), world.clock.now_s()
    names = route.tiers if canonical.pin is None else (canonical.pin.tier,)
    tiers = [every[name] for name in names]
    recalled = await recall(canonical, world)
    waited_s = recalled.waited_s
    dead: Mapping[TierName, Shortage] = NO_SHORTAGE
    if arrival.seat is not None:
        bars = bars_of(canonical, tiers, limits, world, now_s)
        await wait_for_turn(arrival.seat, canonical, _meant(scored, tiers, recalled.turn, bars, world), limits, world)
        waited_s += arrival.seat.waited_s
        now_s = world.clock.now_s()
        dead = _dead(tiers, world, now_s)
    down = world.endpoints.unavailable(tiers, now_s, prompt_tokens=request.input_tokens)
    if dead:
        down = {**dead, **down}
    decide_under = _deciding(scored, tiers, recalled.turn, down)
    bars = bars_of(canonical, tiers, limits, world, now_s)
    decision = decide_under(bars=bars)
    if down or bars.passed_over:
        decision, bars = without_storm(arrival, decision, bars, decide_under, tiers, world)
    if not tenant.allowance.is_unlimited:
        began_s = world.clock.now_s()
        decision = await _hold_for(canonical, tiers, decision, bars, decide_under, world)
        waited_s += world.clock.now_s() - began_s
    if tenant.strongest_share is not None and len(tiers) > 1:
        top = tiers[strongest(tiers)].name
        world.shares.count(canonical.admitted.key.id, now_s, strongest=decision.ladder[0] == top)
    ladder = tuple(every[name] for name in decision.ladder)
    able = [every[view.tier] for view in decision.views if view.removed_by is None]
    deadline_at_s = arrival.received_s + (longest_s if limits.deadline_s is None else limits.deadline_s)
    return Decided(
        scored, decision, ladder, able[strongest(able)], waited_s, deadline_at_s, recalled.key, recalled.standing
    )


def _deciding(
    scored: Scored, tiers: Sequence[Tier], turn: Turn | None, down: Mapping[TierName, Shortage]
) -> Callable[..., Decision]:
    canonical = scored.looked.canonical
    route = canonical.route
    return partial(
        choose,
        canonical.request,
        scored.score,
        tiers,
        route.dial,
        route=route.name,
        allowed=canonical.admitted.key.tenant.tiers,
        pin=canonical.pin,
        unavailable=down,
        turn=turn,
        degrade=route.fallback.degrade,
    )


def _meant(scored: Scored, tiers: Sequence[Tier], turn: Turn | None, bars: Bars, world: World) -> Tier:
    """Return the tier that a request would be sent to if every server in service had room.

    Tiers without one are passed over like slow ones: where no other is able, they are waited for.
    """
    dead = dict.fromkeys(_dead(tiers, world, world.clock.now_s()), ReasonCode.SLO)
    decision = _deciding(scored, tiers, turn, NO_SHORTAGE)(bars=replace(bars, passed_over={**dead, **bars.passed_over}))
    return next(tier for tier in tiers if tier.name == decision.ladder[0])


def _dead(tiers: Sequence[Tier], world: World, now_s: float) -> dict[TierName, Shortage]:
    """Return the tiers without a server in service. Who may wait is not sent there to try whether one is again."""
    shortage = Shortage(ReasonCode.UNHEALTHY, _NOT_NOW_S)
    return {tier.name: shortage for tier in tiers if not world.endpoints.serves(tier, now_s)}


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
