"""Which endpoint of a tier an attempt goes to, and what is known of each.

Two random choices: of two endpoints drawn at random the less loaded is taken. That keeps the longest queue within a
constant of the mean without every worker rushing to the same idle server (Mitzenmacher 2001).
"""

from collections.abc import Container, Iterable

from gateway.domain.ids import EndpointId, TierName
from gateway.domain.tier import Endpoint, Tier


class EndpointState:
    """What this worker knows of one endpoint."""

    __slots__ = ("_unhealthy_until_s", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self._unhealthy_until_s = float("-inf")

    def begin(self) -> None:
        """Count an attempt that starts."""
        self.in_flight += 1

    def end(self) -> None:
        """Count an attempt that ended, however it did."""
        self.in_flight -= 1

    def mark_busy(self, until_s: float) -> None:
        """Leave the endpoint alone until then; an earlier time than already set changes nothing."""
        self._unhealthy_until_s = max(self._unhealthy_until_s, until_s)

    def is_available(self, now_s: float, in_flight_max: int) -> bool:
        """Tell whether another attempt may go there: it is not to be left alone, and has room."""
        return now_s >= self._unhealthy_until_s and self.in_flight < in_flight_max


class EndpointTable:
    """The states of all endpoints of a worker, by id. They outlive a reload of the policy."""

    __slots__ = ("_states",)

    def __init__(self) -> None:
        self._states: dict[EndpointId, EndpointState] = {}

    def state(self, endpoint: EndpointId) -> EndpointState:
        """Return the endpoint's state, a fresh one at its first mention."""
        state = self._states.get(endpoint)
        if state is None:
            state = self._states[endpoint] = EndpointState()
        return state

    def unavailable(self, tiers: Iterable[Tier], now_s: float) -> frozenset[TierName]:
        """Return the tiers none of whose endpoints is available."""
        return frozenset([tier.name for tier in tiers if not self._has_available(tier, now_s)])

    def count_available(self, tier: Tier, now_s: float) -> int:
        """Count the endpoints of a tier to which attempts may go."""
        return len(self._available(tier, now_s))

    def pick(self, tier: Tier, now_s: float, chance: float, *, tried: Container[EndpointId] = ()) -> Endpoint | None:
        """Pick one of a tier's endpoints, or None when each was tried, is to be left alone, or is full.

        `chance` is uniform in [0, 1): it draws an ordered pair. Of equally loaded ones the first drawn is taken.
        """
        able = [endpoint for endpoint in self._available(tier, now_s) if endpoint.id not in tried]
        if len(able) < 2:
            return able[0] if able else None
        first, step = divmod(int(chance * len(able) * (len(able) - 1)), len(able) - 1)
        one, other = able[first], able[(first + 1 + step) % len(able)]
        return other if self.state(other.id).in_flight < self.state(one.id).in_flight else one

    def forget_all_but(self, endpoints: Container[EndpointId]) -> None:
        """Drop what is known of endpoints that a new policy no longer has. Attempts under way keep their state."""
        self._states = {name: state for name, state in self._states.items() if name in endpoints}

    def _has_available(self, tier: Tier, now_s: float) -> bool:
        most = tier.limits.in_flight
        return any(self.state(endpoint.id).is_available(now_s, most) for endpoint in tier.endpoints)

    def _available(self, tier: Tier, now_s: float) -> list[Endpoint]:
        most = tier.limits.in_flight
        return [endpoint for endpoint in tier.endpoints if self.state(endpoint.id).is_available(now_s, most)]
