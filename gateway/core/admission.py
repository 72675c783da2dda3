"""How many requests may be under way: in this worker, and for one key; and whether more are taken at all."""

from collections import Counter
from enum import Enum

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId
from gateway.domain.limits import EdgeLimits

DRAINING_RETRY_S = 1.0
"""When a caller that a leaving worker refuses may try again: another takes it at once."""
_SOON_S = 1.0
"""When a refused caller may try again: about the length of the shortest answers."""


class Stage(Enum):
    """How far a worker is on its way out; it only ever goes forward."""

    SERVING = "serving"
    LAME_DUCK = "lame_duck"
    """Requests are still taken, while whoever deals them out learns that no more should come."""
    DRAINING = "draining"
    """What is under way is finished; what comes is refused."""


class Admission:
    """Counts requests under way. Every `enter` that returns is followed by one `leave`."""

    __slots__ = ("_by_key", "_in_flight", "stage")

    def __init__(self) -> None:
        self._by_key: Counter[KeyId] = Counter()
        self._in_flight = 0
        self.stage = Stage.SERVING

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet left."""
        return self._in_flight

    @property
    def is_leaving(self) -> bool:
        """Tell whether the process is going away: it is not ready for more, and connections end with their answer."""
        return self.stage is not Stage.SERVING

    def resign(self) -> None:
        """Become a lame duck."""
        if self.stage is Stage.SERVING:
            self.stage = Stage.LAME_DUCK

    def drain(self) -> None:
        """Refuse what comes from now on; what is under way is finished."""
        self.stage = Stage.DRAINING

    def enter(self, key: KeyId, limits: EdgeLimits) -> None:
        """Count a request in.

        Raises GatewayError `draining` or `overloaded` (503), or `rate_limit_exceeded` (429) when it is the key's own
        limit.
        """
        if self.stage is Stage.DRAINING:
            message = "The gateway is shutting down; try again."
            raise GatewayError(ErrorCode.DRAINING, message, retry_after_s=DRAINING_RETRY_S)
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
