"""A bound on the requests that a dearer tier takes in a cheaper one's place, lest all become dear when that one dies.

A climb is a request that goes to a dearer tier than the one it was meant for: because that one failed it, or has no
healthy server, or misses its objective. Into each tier at most a fifth of what its servers can hold climb in ten
seconds. Whoever does not get in is told when to come again, or stays with the slow tier.
"""

from collections import deque
from collections.abc import Container
from typing import Final

from gateway.domain.decision import Decision
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier

WINDOW_S: Final = 10.0
SHARE: Final = 0.2


def climbs_max(tier: Tier) -> int:
    """Return how many may climb into a tier within the window, one at the least."""
    return max(1, int(SHARE * len(tier.endpoints) * tier.limits.in_flight))


class CostStorms:
    """The climbs of a worker in the last ten seconds, by the tier they led to. They outlive a reload of the policy."""

    __slots__ = ("_climbs",)

    def __init__(self) -> None:
        self._climbs: dict[TierName, deque[float]] = {}

    def climbed(self, tier: Tier, now_s: float) -> None:
        """Count a climb. More than there may be are not remembered."""
        climbs = self._climbs.get(tier.name)
        if climbs is None or climbs.maxlen != climbs_max(tier):
            climbs = self._climbs[tier.name] = deque(climbs or (), maxlen=climbs_max(tier))
        climbs.append(now_s)

    def reopens_in_s(self, tier: Tier, now_s: float) -> float:
        """Return when one more may climb into the tier: 0 for now."""
        climbs = self._climbs.get(tier.name, ())
        if len(climbs) < climbs_max(tier):
            return 0.0
        return max(0.0, climbs[-climbs_max(tier)] + WINDOW_S - now_s)

    def forget_all_but(self, names: Container[TierName]) -> None:
        """Drop what is known of tiers that a new policy no longer has."""
        self._climbs = {name: climbs for name, climbs in self._climbs.items() if name in names}


def is_climb(decision: Decision, meant: Decision) -> bool:
    """Tell whether a request goes to a dearer tier than it would if every tier were healthy and kept its objective."""
    if decision.ladder[0] == meant.ladder[0]:
        return False
    names = [view.tier for view in decision.views]
    return names.index(decision.ladder[0]) > names.index(meant.ladder[0])
