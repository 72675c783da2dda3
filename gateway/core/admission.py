"""Who comes in: how many requests may be under way, who waits for room, and who is told to come back.

    enter ─▶ granted ────────────────────────────────────▶ leave
       └───▶ waiting, in its tenant's queue ◀── grants ─────┘
                └─▶ give_up: told to come back

Room is shared by tenants in proportion to their shares, and lent to whoever has use for it: a tenant beyond its share
comes in while a part of the limit, kept for those below theirs, stays free. A place that falls free goes to the waiting
tenant with the least under way for its share. A tenant's requests are served in their order, the newest first once its
queue is more than half full: those will still be of use to somebody.

Pure: whoever calls waits, wakes and measures.
"""

from collections import Counter, deque
from collections.abc import Callable
from enum import Enum

from gateway.core.pressure import Pressure
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.limits import EdgeLimits

DRAINING_RETRY_S = 1.0
"""When a caller that a leaving worker refuses may try again: another takes it at once."""
RETRY_S_MAX = 60.0
LENT_UP_TO = 0.9
"""Tenants beyond their share fill the limit up to here while there are others."""
ACTIVE_S = 10.0
"""A tenant is one to share with for so long after its last request."""

_SOON_S = 1.0
"""When to try again where nothing better is known: about the length of the shortest answers."""
_SMOOTHING = 0.2


class Stage(Enum):
    """How far a worker is on its way out; it only ever goes forward."""

    SERVING = "serving"
    LAME_DUCK = "lame_duck"
    """Requests are still taken, while whoever deals them out learns that no more should come."""
    DRAINING = "draining"
    """What is under way is finished; what comes is refused."""


class Load:
    """What one tenant has under way and waiting. `share` weighs it against the others."""

    __slots__ = ("in_flight", "seen_s", "share", "waiting")

    def __init__(self, share: float) -> None:
        self.share = share
        self.in_flight = 0
        self.seen_s = 0.0
        self.waiting: deque[Place] = deque()


class Place:
    """One request's place: granted, or waiting until whoever was told so calls `wake`."""

    __slots__ = ("is_granted", "key", "load", "wake")

    def __init__(self, key: KeyId, load: Load, *, is_granted: bool) -> None:
        self.key = key
        self.load = load
        self.is_granted = is_granted
        self.wake: Callable[[], None] | None = None


class Admission:
    """Counts requests in and out. Every place that was granted is followed by one `leave`."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Requests that have a place."""
        self.waiting = 0
        """Requests that wait for one."""
        self.shed = 0
        """Requests told to come back for want of room, since the start."""
        self.stage = Stage.SERVING
        self.pressure = Pressure()
        self._by_key: Counter[KeyId] = Counter()
        self._loads: dict[TenantId, Load] = {}
        self._shares = 0.0
        self._in_flight_max = EdgeLimits().in_flight
        self._now_s = 0.0
        self._ended = 0
        self._ended_per_s = 0.0

    @property
    def is_leaving(self) -> bool:
        """Tell whether the process is going away: it is not ready for more, and connections end with their answer."""
        return self.stage is not Stage.SERVING

    @property
    def is_draining(self) -> bool:
        """Tell whether nothing new is taken any more."""
        return self.stage is Stage.DRAINING

    @property
    def limit(self) -> int:
        """Return how many requests may be under way: the policy's limit, or less under pressure."""
        return int(min(self._in_flight_max, self.pressure.limit))

    def resign(self) -> None:
        """Become a lame duck."""
        if self.stage is Stage.SERVING:
            self.stage = Stage.LAME_DUCK

    def drain(self) -> None:
        """Refuse what comes from now on; what is under way is finished."""
        self.stage = Stage.DRAINING

    def enter(self, key: KeyId, tenant: TenantId, share: float, limits: EdgeLimits) -> Place:
        """Give a request a place, or let it wait for one.

        Raises GatewayError `draining` or `overloaded` (503), or `rate_limit_exceeded` (429) when it is the key's own
        limit.
        """
        if self.is_draining:
            message = "The gateway is shutting down; try again."
            raise GatewayError(ErrorCode.DRAINING, message, retry_after_s=DRAINING_RETRY_S)
        if self._by_key[key] >= limits.in_flight_per_key:
            message = f"This key has {limits.in_flight_per_key} requests under way, its limit; wait for one to end."
            raise GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, message, retry_after_s=_SOON_S)
        load = self._load_of(tenant, share)
        self._in_flight_max = limits.in_flight
        place = Place(key, load, is_granted=not self.waiting and self._has_room(load))
        if place.is_granted:
            self.in_flight += 1
            load.in_flight += 1
        else:
            if len(load.waiting) >= self._queue_of(load, limits.queue):
                raise self._overloaded()
            load.waiting.append(place)
            self.waiting += 1
        self._by_key[key] += 1
        return place

    def leave(self, place: Place, limits: EdgeLimits) -> list[Place]:
        """Count a request out, and return who comes in for it: wake each."""
        assert place.is_granted, "left without having entered"
        place.is_granted = False
        self.in_flight -= 1
        place.load.in_flight -= 1
        self._ended += 1
        self._forget_key(place.key)
        return self._grant(limits) if self.waiting else []

    def give_up(self, place: Place) -> GatewayError:
        """Take a request that waited for too long from its queue, and return what it is told."""
        self.withdraw(place)
        return self._overloaded()

    def withdraw(self, place: Place) -> None:
        """Take a request from its queue, since nobody waits for it any longer."""
        place.load.waiting.remove(place)
        self.waiting -= 1
        self._forget_key(place.key)

    def has_spare(self, fill: float) -> bool:
        """Tell whether a request that may wait can come in: nobody else waits, and less than that share is under way.

        One always can where nothing is under way.
        """
        if self.waiting or self.is_draining:
            return False
        return self.in_flight < fill * min(self._in_flight_max, self.pressure.limit)

    def lend(self) -> None:
        """Count such a request in."""
        self.in_flight += 1

    def give_back(self, limits: EdgeLimits) -> list[Place]:
        """Count such a request out, and return who comes in for it: wake each."""
        self.in_flight -= 1
        self._ended += 1
        return self._grant(limits) if self.waiting else []

    def tick(self, lag_s: float, now_s: float, limits: EdgeLimits) -> list[Place]:
        """Take note of how late the event loop's timers come, some twenty times a second; return who comes in."""
        since_s = now_s - self._now_s
        if since_s > 0.0:
            self._ended_per_s += _SMOOTHING * (self._ended / since_s - self._ended_per_s)
        self._ended, self._now_s = 0, now_s
        self._in_flight_max = limits.in_flight
        self.pressure.note(lag_s, now_s, limits.loop_lag_s, self.in_flight, limits.in_flight)
        gone = [tenant for tenant, load in self._loads.items() if self._is_gone(load)]
        for tenant in gone:
            self._shares -= self._loads.pop(tenant).share
        return self._grant(limits) if self.waiting else []

    def _load_of(self, tenant: TenantId, share: float) -> Load:
        load = self._loads.get(tenant)
        if load is None:
            load = self._loads[tenant] = Load(share)
            self._shares += share
        elif load.share != share:
            # The policy was changed.
            self._shares += share - load.share
            load.share = share
        load.seen_s = self._now_s
        return load

    def _is_gone(self, load: Load) -> bool:
        return not (load.in_flight or load.waiting) and self._now_s - load.seen_s >= ACTIVE_S

    def _has_room(self, load: Load) -> bool:
        limit = min(self._in_flight_max, self.pressure.limit)
        if self.in_flight >= limit:
            return False
        if self.in_flight < LENT_UP_TO * limit or len(self._loads) == 1:
            return True
        return load.in_flight < limit * load.share / self._shares

    def _queue_of(self, load: Load, queue: int) -> float:
        """Return how many of a tenant's requests may wait: its share of the queue, and one at least if there is one."""
        return max(1.0, queue * load.share / self._shares) if queue else 0.0

    def _grant(self, limits: EdgeLimits) -> list[Place]:
        granted: list[Place] = []
        while self.waiting:
            load = min(
                (each for each in self._loads.values() if each.waiting), key=lambda each: each.in_flight / each.share
            )
            if not self._has_room(load):
                break
            is_long = 2 * len(load.waiting) > self._queue_of(load, limits.queue)
            place = load.waiting.pop() if is_long else load.waiting.popleft()
            place.is_granted = True
            self.waiting -= 1
            self.in_flight += 1
            load.in_flight += 1
            granted.append(place)
        return granted

    def _overloaded(self) -> GatewayError:
        """Tell when there may be room: once those who wait have come in, at the pace at which requests end now."""
        self.shed += 1
        wait_s = (self.waiting + 1) / self._ended_per_s if self._ended_per_s else _SOON_S
        message = (
            f"The gateway has {self.in_flight} requests under way and {self.waiting} waiting, its limit; try again."
        )
        return GatewayError(ErrorCode.OVERLOADED, message, retry_after_s=min(RETRY_S_MAX, max(_SOON_S, wait_s)))

    def _forget_key(self, key: KeyId) -> None:
        self._by_key[key] -= 1
        if not self._by_key[key]:
            del self._by_key[key]
