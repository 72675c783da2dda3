"""Hedges: a second server asked while the first is still silent, so that one slow server is not felt.

A hedge reads the whole prompt once more, so it is bought seldom: for a share of a route's requests, with no floor (what
has little traffic would otherwise hedge all of it), only where a server is to spare, and once for a request.
"""

from collections.abc import Container

from gateway.core.retry_budget import Window
from gateway.domain.ids import RouteName
from gateway.domain.noun import noun


class HedgeBudget:
    """The hedges of a worker, by route. It outlives a reload of the policy."""

    __slots__ = ("_routes",)

    def __init__(self) -> None:
        self._routes: dict[RouteName, Window] = {}

    def admit(self, route: RouteName, now_s: float) -> None:
        """Count a request that may come to be hedged."""
        self._of(route, now_s).count_request()

    def grant(self, route: RouteName, share: float, now_s: float) -> bool:
        """Tell whether the route may hedge once more, `share` being the limit, and count it if so."""
        window = self._of(route, now_s)
        if window.extra + 1 > share * window.requests:
            return False
        window.count_extra()
        return True

    def forget_all_but(self, routes: Container[RouteName]) -> None:
        """Drop what is known of routes that a new policy no longer has."""
        self._routes = {name: window for name, window in self._routes.items() if name in routes}

    def _of(self, route: RouteName, now_s: float) -> Window:
        window = self._routes.get(route)
        if window is None:
            window = self._routes[route] = Window()
        window.advance(now_s)
        return window


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
