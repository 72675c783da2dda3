"""How many attempts may be made beyond one for each request: a share of the requests, so that no outage is multiplied.

A request that fails everywhere asks three servers; a thousand of them would ask three thousand, at the moment when the
servers can bear it least. So the retries of ten seconds are at most a tenth of the requests of ten seconds, tier by
tier. A retry counts for the tier on which its request began, wherever it goes: so one tier's outage does not spend
another's share, and the tiers' shares sum to the same share of all requests.

Few requests have a share of less than one retry. For them there is a floor: a tier with few retries
without content yet, and few of the last second, gets another.
"""

from collections import deque
from collections.abc import Container

from gateway.domain.ids import TierName

WINDOW_S = 10
RETRY_SHARE = 0.1
"""Envoy and Finagle allow a fifth. Ours cost seconds of a GPU."""
FLOOR = 3
"""Retries of a tier that are allowed whatever the share, as long as fewer wait for content at once."""
BEGUN_FLOOR = 5
"""And as long as fewer began within this second and the one before: retries that fail at once would pass a floor of
concurrency alone as often as they like. As many as the failures in a row that eject an endpoint (`core/breaker.py`), so
that the requests on which a dying server is found out can all be answered by another."""


class Window:
    """Counts of the last seconds, ten as a rule, in steps of one."""

    __slots__ = ("_second", "_steps", "extra", "requests")

    def __init__(self, length_s: int = WINDOW_S) -> None:
        self.requests = 0
        self.extra = 0
        self._second = 0
        self._steps: deque[list[int]] = deque([0, 0] for _ in range(length_s))

    @property
    def extra_of_late(self) -> int:
        """Further attempts of the second that is running, and of the one before."""
        return self._steps[-1][1] + self._steps[-2][1]

    def advance(self, now_s: float) -> None:
        """Forget what is older than the window."""
        second = int(now_s)
        if second == self._second:
            return
        for _ in range(min(second - self._second, len(self._steps))):
            requests, extra = self._steps.popleft()
            self.requests -= requests
            self.extra -= extra
            self._steps.append([0, 0])
        self._second = max(second, self._second)

    def count_request(self) -> None:
        """Count a request's first attempt."""
        self.requests += 1
        self._steps[-1][0] += 1

    def count_extra(self) -> None:
        """Count a further attempt."""
        self.extra += 1
        self._steps[-1][1] += 1


class _Tier:
    __slots__ = ("live", "window")

    def __init__(self) -> None:
        self.window = Window()
        self.live = 0


class RetryBudget:
    """The retries of a worker, by the tier on which their requests began. It outlives a reload of the policy."""

    __slots__ = ("_tiers",)

    def __init__(self) -> None:
        self._tiers: dict[TierName, _Tier] = {}

    def admit(self, tier: TierName, now_s: float) -> None:
        """Count a request that begins on the tier."""
        window = self._of(tier, now_s).window
        window.count_request()

    def grant(self, tier: TierName, now_s: float) -> bool:
        """Tell whether a request that began on the tier may make another attempt, and count it if so.

        Every attempt that was granted is given back with `over`.
        """
        counted = self._of(tier, now_s)
        window = counted.window
        within_share = window.extra + 1 <= RETRY_SHARE * window.requests
        if not within_share and (counted.live >= FLOOR or window.extra_of_late >= BEGUN_FLOOR):
            return False
        window.count_extra()
        counted.live += 1
        return True

    def over(self, tier: TierName) -> None:
        """Take note that a granted attempt is over, or has content."""
        counted = self._tiers.get(tier)
        if counted is not None and counted.live:
            counted.live -= 1

    def forget_all_but(self, tiers: Container[TierName]) -> None:
        """Drop what is known of tiers that a new policy no longer has."""
        self._tiers = {name: counted for name, counted in self._tiers.items() if name in tiers}

    def _of(self, tier: TierName, now_s: float) -> _Tier:
        counted = self._tiers.get(tier)
        if counted is None:
            counted = self._tiers[tier] = _Tier()
        counted.window.advance(now_s)
        return counted
