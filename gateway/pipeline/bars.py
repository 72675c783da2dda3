"""What keeps a request from tiers at this moment: its caller's limits and share, missed objectives, cost storms."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.core.constraints import NO_SHORTAGE, Misfit
from gateway.core.cost_storm import is_climb
from gateway.core.plan_fit import Allowed, misfits
from gateway.core.routing import NO_BARS, Bars
from gateway.core.value import strongest
from gateway.domain.decision import Decision, ReasonCode
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Arrival, Canonical
from gateway.pipeline.world import World
from gateway.wire.caller_limits import NO_LIMITS, CallerLimits


def bars_of(canonical: Canonical, tiers: Sequence[Tier], limits: CallerLimits, world: World, now_s: float) -> Bars:
    """Return the bars; on most requests there are none."""
    key, arrival = canonical.admitted.key, canonical.admitted.arrival
    # Objectives are for those who wait.
    shifted = {} if arrival.seat is not None else world.slos.shifted(arrival.snapshot.tiers, now_s)
    cap = key.tenant.strongest_share
    if not shifted and cap is None and limits is NO_LIMITS:
        return NO_BARS
    left_s = None if limits.deadline_s is None else arrival.received_s + limits.deadline_s - now_s
    allowed = Allowed(left_s, limits.cost_usd_nano)
    # One draw for all tiers: whoever misses its objective by more passes its traffic on to whoever does by less.
    draw = world.chance() if shifted else 1.0
    passed_over = {name: ReasonCode.SLO for name, share in shifted.items() if draw < share}
    if cap is not None and world.shares.is_spent(key.id, cap, now_s):
        passed_over[tiers[strongest(tiers)].name] = ReasonCode.STRONGEST_SHARE
    return Bars(misfits(canonical.request, tiers, allowed, world.slos, now_s), passed_over)


def without_storm(
    arrival: Arrival,
    decision: Decision,
    bars: Bars,
    decide_under: Callable[..., Decision],
    tiers: Sequence[Tier],
    world: World,
) -> tuple[Decision, Bars]:
    """Let a request climb that a cheaper tier would have taken, but only into tiers that are not shut; and count it.

    It counts until the request is over. Raises GatewayError `tier_unavailable`, with the time at which one more may
    climb, where no tier is left.
    """
    meant = decide_under(bars=replace(bars, passed_over={}), unavailable=NO_SHORTAGE)
    while is_climb(decision, meant):
        tier = next(each for each in tiers if each.name == decision.ladder[0])
        wait_s = world.storms.reopens_in_s(tier)
        if wait_s <= 0.0:
            arrival.climbing = world.storms.climb(tier, world.clock.now_s())
            break
        told = f"takes no more requests that are meant for cheaper tiers for {wait_s:.1f} s"
        misfit = Misfit(ReasonCode.COST_STORM, told, wait_s)
        bars = replace(bars, misfits={**bars.misfits, tier.name: misfit})
        decision = decide_under(bars=bars)
    return decision, bars
