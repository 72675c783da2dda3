"""What is done to whom, and when in the life of a request: kinds, phases, and a schedule drawn from a seed."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """When a fault comes, as the request that meets it sees it."""

    ARRIVING = "arriving"
    """It was there before the request."""
    WAITING = "waiting"
    """A model server has the request, and nothing of a stream has come."""
    STREAMING = "streaming"
    """Content has come."""
    WHOLE = "whole"
    """A model server has the request, whose answer comes in one piece."""
    ANY = "any"
    """Whatever the requests under way are at."""


class Kind(Enum):
    """What happens."""

    RESET = "path reset"
    CLOSE = "path closed"
    STALL = "path stalled"
    CUT = "path cut at a byte"
    CORRUPT = "path corrupted"
    DELAY = "path delayed"
    THROTTLE = "path throttled"
    SWALLOW = "path black hole"
    IGNORE = "path without handshake"
    REFUSE = "path refused"
    KILL = "server killed"
    FREEZE = "server frozen"
    KILL_REAL = "llama.cpp killed"
    FREEZE_REAL = "llama.cpp frozen"
    LEAVE = "client left"
    KILL_WORKER = "worker killed"
    FREEZE_WORKER = "worker frozen"
    TERMINATE = "gateway terminated"
    REDIS_KILL = "Redis killed"
    REDIS_FREEZE = "Redis frozen"
    REDIS_PAUSE = "Redis paused"
    REDIS_FORGET = "Redis forgot scripts"


_UNDER_WAY = (Phase.WAITING, Phase.STREAMING, Phase.WHOLE)
OUTSIDE: Mapping[Kind, Sequence[Phase]] = {
    Kind.RESET: _UNDER_WAY,
    Kind.CLOSE: _UNDER_WAY,
    Kind.STALL: _UNDER_WAY,
    Kind.CUT: (Phase.ARRIVING,),
    Kind.CORRUPT: (Phase.ARRIVING,),
    Kind.DELAY: (Phase.ARRIVING, Phase.STREAMING),
    Kind.THROTTLE: (Phase.STREAMING,),
    Kind.SWALLOW: (Phase.ARRIVING,),
    Kind.IGNORE: (Phase.ARRIVING,),
    Kind.REFUSE: (Phase.ARRIVING,),
    Kind.KILL: (Phase.ARRIVING, *_UNDER_WAY),
    Kind.FREEZE: (Phase.ARRIVING, *_UNDER_WAY),
    Kind.KILL_REAL: _UNDER_WAY,
    Kind.FREEZE_REAL: _UNDER_WAY,
    Kind.LEAVE: _UNDER_WAY,
}
"""Faults of model servers, of the way to them and of clients, with the phases in which each is tried."""
ON_REDIS = (Kind.REDIS_KILL, Kind.REDIS_FREEZE, Kind.REDIS_PAUSE, Kind.REDIS_FORGET)
ON_WORKERS = (Kind.KILL_WORKER, Kind.FREEZE_WORKER)
ON_REAL = (Kind.KILL_REAL, Kind.FREEZE_REAL)
HOUSE: Mapping[Kind, Sequence[Phase]] = dict.fromkeys((*ON_WORKERS, Kind.TERMINATE, *ON_REDIS), (Phase.ANY,))
"""Faults of the gateway's own house: they take seconds each, and go on beside the others."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that is to come. `chance`, in [0, 1), settles what the kind leaves open: a byte, a time, a choice."""

    number: int
    kind: Kind
    phase: Phase
    chance: float

    def between(self, low: float, high: float) -> float:
        """Return the fault's own point between two bounds."""
        return low + (high - low) * self.chance


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was injected. `exposed` is how many requests were open to it, where the injector knows.

    The target is an endpoint as receipts name it, a gateway, `redis`, or, for a client that left, its request.
    """

    number: int
    kind: Kind
    phase: Phase
    target: str
    injected_s: float
    healed_s: float
    victim: int | None = None
    exposed: int = 0

    def overlaps(self, began_s: float, ended_s: float, margin_s: float = 0.0) -> bool:
        """Tell whether it was there at some time between those two, or so shortly before."""
        return self.injected_s <= ended_s and began_s <= self.healed_s + margin_s


def draw(chance: random.Random, kinds: Mapping[Kind, Sequence[Phase]], first_number: int = 0) -> Iterator[Planned]:
    """Draw faults without end: every kind in each of its phases once, in any order, and again."""
    pairs = [(kind, phase) for kind, phases in kinds.items() for phase in phases]
    number = first_number
    while True:
        chance.shuffle(pairs)
        for kind, phase in pairs:
            yield Planned(number, kind, phase, chance.random())
            number += 1
