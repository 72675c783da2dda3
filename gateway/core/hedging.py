"""Hedges: a second server asked while the first is still silent, so that one slow server is not felt.

A hedge reads the whole prompt once more, so it is bought seldom: for a share of a route's requests, with no floor (what
has little traffic would otherwise hedge all of it), only where a server is to spare, and once for a request.

The share is of a minute. Streams stall by chance: of a share of ten seconds, which is a handful at usual rates, a third
of them would find nothing left. When a whole tier slows down all its streams are late at once, and the minute's share
would fall on it in a second; so ten seconds have a bound of their own.
"""

from collections.abc import Container
from typing import Final

from gateway.core.retry_budget import Window
from gateway.domain.ids import RouteName
from gateway.domain.noun import noun

MINUTE_S: Final = 60
BURST: Final = 2.0
"""Within ten seconds the share may be so many times as large."""


class _Route:
    __slots__ = ("lately", "minute")

    def __init__(self) -> None:
        self.minute = Window(MINUTE_S)
        self.lately = Window()


class HedgeBudget:
    """The hedges of a worker, by route. It outlives a reload of the policy."""

    __slots__ = ("_routes",)

    def __init__(self) -> None:
        self._routes: dict[RouteName, _Route] = {}

    def admit(self, route: RouteName, now_s: float) -> None:
        """Count a request that may come to be hedged."""
        counted = self._of(route, now_s)
        counted.minute.count_request()
        counted.lately.count_request()

    def grant(self, route: RouteName, share: float, now_s: float) -> bool:
        """Tell whether the route may hedge once more, `share` being the limit, and count it if so."""
        counted = self._of(route, now_s)
        minute, lately = counted.minute, counted.lately
        if minute.extra + 1 > share * minute.requests or lately.extra + 1 > BURST * share * lately.requests:
            return False
        minute.count_extra()
        lately.count_extra()
        return True

    def forget_all_but(self, routes: Container[RouteName]) -> None:
        """Drop what is known of routes that a new policy no longer has."""
        self._routes = {name: counted for name, counted in self._routes.items() if name in routes}

    def _of(self, route: RouteName, now_s: float) -> _Route:
        counted = self._routes.get(route)
        if counted is None:
            counted = self._routes[route] = _Route()
        counted.minute.advance(now_s)
        counted.lately.advance(now_s)
        return counted


@noun
class Hedge:
    """When a request is hedged, and out of what."""

    after_s: float
    share: float
    route: RouteName
    budget: HedgeBudget

    def admit(self, now_s: float) -> None:
        """Count the request."""
        self.budget.admit(self.route, now_s)

    def grant(self, now_s: float) -> bool:
        """Tell whether the budget allows the hedge, and count it if so."""
        return self.budget.grant(self.route, self.share, now_s)
