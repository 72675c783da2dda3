"""Every flight that a worker knows of: who leads, here or in another worker, and who may follow."""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from gateway.core.flight import FOLLOWING_MAX, may_follow
from gateway.domain.errors import GatewayError
from gateway.domain.flight import Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.pipeline.flight import Flight, FlightName
from gateway.pipeline.journey import Canonical
from gateway.pipeline.kept import Reader
from gateway.wire.caller_limits import caller_limits

Watch: TypeAlias = Callable[[ExactKey, Callable[[Landing], None]], Callable[[], object]]
"""`CacheStore.watch`: tells what another worker's request comes to."""


class Flights:
    """Flights by the key of their answer. A key is a tenant's own, and so is all that is found by it."""

    def __init__(self, release: Callable[[ExactKey, Ending], None]) -> None:
        self.following = 0
        """Requests that follow one."""
        self._release = release
        self._under_way: dict[FlightName, Flight] = {}

    def find(self, canonical: Canonical, key: ExactKey, purge: int, now_s: float) -> Flight | None:
        """Return the flight that a request may follow. Raises GatewayError for a caller's limit that is none.

        `purge` is the number of the last purge that the request came after.
        """
        flight = self._under_way.get((key.tenant, key.digest))
        if flight is None or self.following >= FOLLOWING_MAX or not flight.takes_more:
            return None
        if flight.purge != purge:
            # What was purged may be other answers than this one. To ask once more is always right.
            return None
        route = canonical.route
        # A stream may take longer than a whole answer, and all the same follow one.
        left_s = min(until_s(canonical) - now_s, route.deadline_s, route.stream_deadline_s)
        return flight if may_follow(flight.until_s() - now_s, left_s) else None

    def lead(self, canonical: Canonical, key: ExactKey, purge: int) -> Flight:
        """Begin a flight; from now on it is the one that is followed."""
        return self._add(Flight(key, canonical.admitted.arrival, partial(_until_s_at_most, canonical), purge))

    def watch(self, key: ExactKey, purge: int, watch: Watch) -> Flight:
        """Begin to follow what another worker asks for. Requests here that are the same follow it together."""
        flight = self._add(Flight(key, None, _forever, purge))
        flight.is_deserted = True
        flight.carried_by(watch(key, partial(self._landed, flight)))
        return flight

    def join(self, flight: Flight, reader: Reader) -> None:
        """Let a request follow."""
        flight.join(reader)
        self.following += 1

    def leave(self, flight: Flight, reader: Reader) -> None:
        """Let it follow no more."""
        flight.leave(reader)
        self.following -= 1

    def end(self, flight: Flight, ending: Ending, answer: CachedAnswer | None = None) -> None:
        """End a flight; the first ending counts."""
        if flight.ending is not None:
            return
        flight.ending, flight.answer = ending, answer
        if self._under_way.get(flight.name) is flight:
            del self._under_way[flight.name]
            self._release(flight.key, ending)
        if flight.followers:
            flight.tell()

    def _add(self, flight: Flight) -> Flight:
        self._under_way[flight.name] = flight
        return flight

    def _landed(self, flight: Flight, landing: Landing) -> None:
        flight.let_go()
        self.end(flight, landing.ending, landing.answer)


def _forever() -> float:
    return math.inf


def until_s(canonical: Canonical) -> float:
    """Tell when a request's time is up; monotonic. Raises GatewayError for a caller's limit that is none."""
    arrival, route = canonical.admitted.arrival, canonical.route
    longest_s = route.stream_deadline_s if canonical.request.stream else route.deadline_s
    allowed_s = caller_limits(arrival.inbound.headers, longest_s).deadline_s
    return arrival.received_s + (longest_s if allowed_s is None else allowed_s)


def _until_s_at_most(canonical: Canonical) -> float:
    """Tell when a leader's time is up; it is now for one that is about to be refused for a limit that is none."""
    try:
        return until_s(canonical)
    except GatewayError:
        return -math.inf
