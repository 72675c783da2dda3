"""A bound on the requests that a dearer tier has in a cheaper one's place, lest all become dear when that one dies.

A climb is a request that goes to a dearer tier than the one it was meant for: because that one failed it, or has no
healthy server, or misses its objective. In each tier at most a fifth of what its servers can hold at once are climbs.
Whoever does not get in is told when to come again, or stays with the slow tier.
"""

from collections.abc import Container
from typing import Final

from gateway.domain.decision import Decision
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier

SHARE: Final = 0.2
_DURATION_SHARE: Final = 0.1
"""The weight of the newest climb in how long they take."""


def climbs_max(tier: Tier) -> int:
    """Return how many climbs a tier may have at once, one at the least."""
    return max(1, int(SHARE * len(tier.endpoints) * tier.limits.in_flight))


class _Climbs:
    """What one tier has of them."""

    __slots__ = ("duration_s", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.duration_s = 1.0
        """How long one takes, on average."""


class Climbing:
    """One climb, from its beginning to its end."""

    __slots__ = ("_began_s", "_climbs", "_is_over")

    def __init__(self, climbs: _Climbs, now_s: float) -> None:
        climbs.under_way += 1
        self._climbs = climbs
        self._began_s = now_s
        self._is_over = False

    def end(self, now_s: float) -> None:
        """Make room for another; a second time changes nothing."""
        if self._is_over:
            return
        self._is_over = True
        climbs = self._climbs
        climbs.under_way -= 1
        climbs.duration_s += _DURATION_SHARE * (now_s - self._began_s - climbs.duration_s)


class CostStorms:
    """The climbs of a worker that are under way, by the tier they led to. They outlive a reload of the policy."""

    __slots__ = ("_tiers",)

    def __init__(self) -> None:
        self._tiers: dict[TierName, _Climbs] = {}

    def climb(self, tier: Tier, now_s: float) -> Climbing:
        """Begin a climb, which its owner ends. Whether one may is asked before."""
        climbs = self._tiers.get(tier.name)
        if climbs is None:
            climbs = self._tiers[tier.name] = _Climbs()
        return Climbing(climbs, now_s)

    def reopens_in_s(self, tier: Tier) -> float:
        """Return when one more may climb into the tier: 0 for now; otherwise an estimate, by how long climbs take."""
        climbs = self._tiers.get(tier.name)
        if climbs is None or climbs.under_way < climbs_max(tier):
            return 0.0
        return climbs.duration_s / climbs.under_way

    def forget_all_but(self, names: Container[TierName]) -> None:
        """Drop what is known of tiers that a new policy no longer has. Climbs under way end as if it were kept."""
        self._tiers = {name: climbs for name, climbs in self._tiers.items() if name in names}


def is_climb(decision: Decision, meant: Decision) -> bool:
    """Tell whether a request goes to a dearer tier than it would if every tier were healthy and kept its objective."""
    if decision.ladder[0] == meant.ladder[0]:
        return False
    names = [view.tier for view in decision.views]
    return names.index(decision.ladder[0]) > names.index(meant.ladder[0])
