"""How many requests may be under way: in this worker, and for one key."""

from collections import Counter

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId
from gateway.domain.limits import EdgeLimits

_SOON_S = 1.0
"""When a refused caller may try again: about the length of the shortest answers."""


class Admission:
    """Counts requests under way. Every `enter` that returns is followed by one `leave`."""

    __slots__ = ("_by_key", "_draining", "_in_flight")

    def __init__(self) -> None:
        self._by_key: Counter[KeyId] = Counter()
        self._in_flight = 0
        self._draining = False

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet left."""
        return self._in_flight

    @property
    def is_draining(self) -> bool:
        """Tell whether new requests are refused because the process is going away."""
        return self._draining

    def drain(self) -> None:
        """Refuse what comes from now on; what is under way is finished."""
        self._draining = True

    def enter(self, key: KeyId, limits: EdgeLimits) -> None:
        """Count a request in.

        Raises GatewayError `draining` or `overloaded` (503), or `rate_limit_exceeded` (429) when it is the key's own
        limit.
        """
        if self._draining:
            raise GatewayError(ErrorCode.DRAINING, "The gateway is shutting down; try again.", retry_after_s=_SOON_S)
        if self._in_flight >= limits.in_flight:
            message = f"The gateway has {limits.in_flight} requests under way, its limit; try again."
            raise GatewayError(ErrorCode.OVERLOADED, message, retry_after_s=_SOON_S)
        if self._by_key[key] >= limits.in_flight_per_key:
            message = f"This key has {limits.in_flight_per_key} requests under way, its limit; wait for one to end."
            raise GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, message, retry_after_s=_SOON_S)
        self._in_flight += 1
        self._by_key[key] += 1

    def leave(self, key: KeyId) -> None:
        """Count a request out."""
        assert self._by_key[key] > 0, "left without having entered"
        self._in_flight -= 1
        self._by_key[key] -= 1
        if not self._by_key[key]:
            del self._by_key[key]
