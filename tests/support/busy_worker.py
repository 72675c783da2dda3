"""A worker on virtual time: one thread, whose work takes time, with the real admission at its door.

A request costs half its work when it comes in and half when its answer is there, a while later; one that is turned away
costs little, and not nothing. What is due while the thread works is done late: that is the lag which admission learns
of. Everything is drawn from a seed, so that a run repeats.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from gateway.core.admission import Admission, Place
from gateway.domain.errors import GatewayError
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.limits import EdgeLimits

TICK_S = 0.05

Act = Callable[[float], float]
"""Done at a time; returns how long it kept the thread busy."""


@dataclass(slots=True)
class Told:
    """What became of the requests of one tenant: for those served, the seconds until their content."""

    came: int = 0
    shed: int = 0
    refused_within_s: list[float] = field(default_factory=list)
    served_at_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class BusyWorker:
    """Let requests come with `stream`, then `run`."""

    limits: EdgeLimits
    seed: int
    cost_s: float = 0.001
    shed_cost_s: float = 0.00003
    answer_s: float = 0.5
    admission: Admission = field(default_factory=Admission)
    told: dict[str, Told] = field(default_factory=dict)
    lags_s: list[tuple[float, float]] = field(default_factory=list)
    _agenda: list[tuple[float, int, Act]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)
    _free_s: float = 0.0

    def stream(self, tenant: str, per_s: float, from_s: float, until_s: float) -> None:
        """Let a tenant's requests come at random times, so many a second, whatever becomes of them."""
        draw, told = Random(f"{self.seed} {tenant} {from_s}"), self.told.setdefault(tenant, Told())
        at_s = from_s + draw.expovariate(per_s)
        while at_s < until_s:
            self._at(at_s, self._arrival(tenant, told, at_s))
            at_s += draw.expovariate(per_s)

    def run(self, until_s: float) -> None:
        """Let time pass."""
        self._at(self._free_s + TICK_S, self._tick(self._free_s + TICK_S, until_s))
        while self._agenda:
            due_s, _, act = heapq.heappop(self._agenda)
            now_s = max(due_s, self._free_s)
            self._free_s = now_s + act(now_s)

    def _at(self, due_s: float, act: Act) -> None:
        heapq.heappush(self._agenda, (due_s, next(self._serial), act))

    def _tick(self, due_s: float, until_s: float) -> Act:
        def act(now_s: float) -> float:
            self.lags_s.append((now_s, now_s - due_s))
            self._wake(self.admission.tick(now_s - due_s, now_s, self.limits))
            if now_s < until_s:
                self._at(now_s + TICK_S, self._tick(now_s + TICK_S, until_s))
            return 0.0

        return act

    def _arrival(self, tenant: str, told: Told, came_s: float) -> Act:
        def act(now_s: float) -> float:
            told.came += 1
            try:
                place = self.admission.enter(KeyId(tenant), TenantId(tenant), 1.0, self.limits)
            except GatewayError:
                told.shed += 1
                told.refused_within_s.append(now_s - came_s)
                return self.shed_cost_s
            begin = self._begin(place, told, came_s)
            if place.is_granted:
                return begin(now_s)
            place.wake = lambda: self._at(self._free_s, begin)
            self._at(now_s + self.limits.queue_wait_s, self._impatience(place, told))
            return self.shed_cost_s / 2

        return act

    def _impatience(self, place: Place, told: Told) -> Act:
        def act(now_s: float) -> float:
            if place.is_granted or place not in place.load.waiting:
                return 0.0
            self.admission.give_up(place)
            told.shed += 1
            return self.shed_cost_s

        return act

    def _begin(self, place: Place, told: Told, came_s: float) -> Act:
        def act(now_s: float) -> float:
            self._at(now_s + self.answer_s, self._end(place, told, came_s))
            return self.cost_s / 2

        return act

    def _end(self, place: Place, told: Told, came_s: float) -> Act:
        def act(now_s: float) -> float:
            told.served_at_s.append(now_s)
            told.waited_s.append(now_s - came_s)
            self._wake(self.admission.leave(place, self.limits))
            return self.cost_s / 2

        return act

    def _wake(self, granted: list[Place]) -> None:
        for place in granted:
            assert place.wake is not None
            place.wake()


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]
