"""Requests that model servers die of, kept from killing the rest of the fleet.

A lost connection may have many reasons, and a server that dies takes every request on it along. It was a crash if the
endpoint then refuses connections before it has shown life again. Two crashes of different endpoints, or `LOSSES`
losses of whatever kind, convict a request: it is answered with an error for some minutes. Losses on `ENDPOINTS_UNCLEAR`
endpoints of which nothing has been heard since only hold it up, since it may be the network. An answer clears it.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final

from gateway.core.endpoint_state import EndpointState

ENDPOINTS: Final = 2
ENDPOINTS_UNCLEAR: Final = 3
LOSSES: Final = 4
KEPT_S: Final = 600.0
"""How long a loss is held against a request."""
SUSPECTS_MAX: Final = 1_024


class Verdict(Enum):
    """What is to become of a request."""

    FREE = "free"
    HELD = "held"
    """Not now: what became of the servers it was lost on is not known yet."""
    GUILTY = "guilty"


class _Loss:
    __slots__ = ("at_s", "is_crash", "state")

    def __init__(self, state: EndpointState, at_s: float) -> None:
        self.state = state
        self.at_s = at_s
        self.is_crash = False

    @property
    def is_unclear(self) -> bool:
        """Tell whether the endpoint has neither refused a connection nor answered a call that began after the loss."""
        return not self.is_crash and self.state.answered_began_s <= self.at_s


class Quarantine:
    """The suspected requests, by a digest of all that makes two requests the same. Times are monotonic seconds."""

    __slots__ = ("_suspects",)

    def __init__(self) -> None:
        self._suspects: OrderedDict[bytes, list[_Loss]] = OrderedDict()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is suspected, as nearly always: then no digest need be computed."""
        return not self._suspects

    def lost(self, digest: bytes, state: EndpointState, now_s: float) -> None:
        """Take note that the request was sent to an endpoint, and the connection then lost."""
        losses = self._recent(digest, now_s)
        self._suspects[digest] = [*losses, _Loss(state, now_s)][-LOSSES:]
        self._suspects.move_to_end(digest)
        if len(self._suspects) > SUSPECTS_MAX:
            self._suspects.popitem(last=False)

    def refused(self, state: EndpointState) -> None:
        """Take note that an endpoint refuses connections: what was lost on it since it last lived, it died of."""
        for losses in self._suspects.values():
            for loss in losses:
                if loss.state is state and loss.is_unclear:
                    loss.is_crash = True

    def answered(self, digest: bytes) -> None:
        """Clear a request that was answered."""
        self._suspects.pop(digest, None)

    def unclear(self, digest: bytes, now_s: float) -> list[EndpointState]:
        """Return the endpoints to look at before the request is sent anywhere else, once there are two."""
        states = {loss.state.endpoint.id: loss.state for loss in self._recent(digest, now_s) if loss.is_unclear}
        crashes = {loss.state.endpoint.id for loss in self._recent(digest, now_s) if loss.is_crash}
        return list(states.values()) if len(states.keys() | crashes) >= ENDPOINTS else []

    def verdict(self, digest: bytes, now_s: float) -> Verdict:
        """Tell whether the request may be sent."""
        losses = self._recent(digest, now_s)
        crashed = {loss.state.endpoint.id for loss in losses if loss.is_crash}
        if len(crashed) >= ENDPOINTS or len(losses) >= LOSSES:
            return Verdict.GUILTY
        unclear = {loss.state.endpoint.id for loss in losses if loss.is_unclear}
        return Verdict.HELD if len(crashed | unclear) >= ENDPOINTS_UNCLEAR else Verdict.FREE

    def count(self, now_s: float) -> int:
        """Count the requests that are answered with an error."""
        return sum(self.verdict(digest, now_s) is Verdict.GUILTY for digest in tuple(self._suspects))

    def _recent(self, digest: bytes, now_s: float) -> list[_Loss]:
        losses = self._suspects.get(digest)
        if losses is None:
            return []
        recent = [loss for loss in losses if now_s - loss.at_s < KEPT_S]
        if not recent:
            del self._suspects[digest]
        return recent
