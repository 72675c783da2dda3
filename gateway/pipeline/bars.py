"""What keeps a request from tiers at this moment: its caller's limits, and objectives that tiers miss."""

from collections.abc import Collection, Sequence

from gateway.core.plan_fit import Allowed, misfits
from gateway.core.routing import NO_BARS, Bars
from gateway.domain.decision import ReasonCode
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier
from gateway.pipeline.journey import Canonical
from gateway.pipeline.world import World
from gateway.wire.caller_limits import NO_LIMITS, CallerLimits


def bars_of(canonical: Canonical, tiers: Sequence[Tier], limits: CallerLimits, world: World, now_s: float) -> Bars:
    """Return the bars; on most requests there are none."""
    arrival = canonical.admitted.arrival
    shifted = world.slos.shifted(arrival.snapshot.tiers, now_s)
    if not shifted and limits is NO_LIMITS:
        return NO_BARS
    left_s = None if limits.deadline_s is None else arrival.received_s + limits.deadline_s - now_s
    allowed = Allowed(left_s, limits.cost_usd_nano)
    # One draw for all tiers: whoever misses its objective by more passes its traffic on to whoever does by less.
    draw = world.chance() if shifted else 1.0
    return Bars(
        misfits=misfits(canonical.request, tiers, allowed, world.slos, now_s),
        passed_over={name: ReasonCode.SLO for name, share in shifted.items() if draw < share},
    )


def unavailable(tiers: Sequence[Tier], world: World, now_s: float) -> Collection[TierName]:
    """Name the tiers none of whose servers may be called now; but when that is all of them, try anyway."""
    down = world.endpoints.unavailable(tiers, now_s)
    return () if len(down) == len(tiers) else down
