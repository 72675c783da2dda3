"""The queue of batch requests: who waits for room to spare, who is next, and who is turned away.

    sit ─▶ seated ─ line_up ─▶ in line, before the tier that it is meant for ─ call ─▶ admitted ─▶ leave
     │       └─────────── withdraw ───────────┘ ◀───────────── step_back ────────────────┘
     └─▶ turned away

Room is to spare while no interactive request waits for any, the worker has less under way than batch requests may fill,
and so has a server of the tier. One at a time is on its way from the queue to its server, so that the room which was
seen is still there when it comes; one that finds it taken all the same steps back. A tier that has none holds up nobody
who waits for another. In a line the tenant with the least under way for its share is next, and of a tenant's requests
the first that came.

Pure: whoever calls waits, wakes and measures.
"""

from collections import deque
from collections.abc import Callable, Hashable
from enum import Enum

from gateway.core.admission import DRAINING_RETRY_S, Admission
from gateway.core.admission import Place as AdmissionPlace
from gateway.domain.batch import BatchEnding, BatchTerms
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.outcome import Outcome
from gateway.domain.tier import Tier

SHED_RETRY_S = 10.0
"""When a request that is turned away may try again: about the time in which a burst of interactive ones is over."""


class SeatStage(Enum):
    """How far a batch request is."""

    STANDING = "standing"
    """Not counted anywhere yet, or no more."""
    SEATED = "seated"
    """It has a seat, while its body is read and looked up."""
    IN_LINE = "in_line"
    ADMITTED = "admitted"


class Load:
    """What one tenant has in the queue and under way. `share` weighs it against the others."""

    __slots__ = ("in_flight", "seated", "seated_bytes", "share")

    def __init__(self, share: float) -> None:
        self.share = share
        self.in_flight = 0
        self.seated = 0
        self.seated_bytes = 0


class Line:
    """Who waits for room on one tier: a queue for each tenant."""

    __slots__ = ("queues", "tier")

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.queues: dict[TenantId, deque[Seat]] = {}


class Seat:
    """One batch request, from its arrival to its end. Whoever waits is told by `wake`."""

    __slots__ = (
        "ending",
        "load",
        "name",
        "prompt_tokens",
        "share",
        "size_bytes",
        "stage",
        "tenant",
        "waited_s",
        "wake",
    )

    def __init__(self, tenant: TenantId, share: float) -> None:
        self.tenant = tenant
        self.share = share
        self.stage = SeatStage.STANDING
        self.ending = BatchEnding.UNNEEDED
        self.load = Load(share)
        self.size_bytes = 0
        self.prompt_tokens = 0
        self.waited_s = 0.0
        self.name: Hashable = None
        """Of the line that it stands in."""
        self.wake: Callable[[], None] | None = None


HasRoom = Callable[[Tier, int], bool]
"""Tells whether a server of a tier has room to spare for a prompt of so many tokens."""


class BatchQueue:
    """The batch requests of a worker. Every seat that was taken is followed by one `leave`."""

    def __init__(self) -> None:
        self.waiting = 0
        """Requests that stand in line."""
        self.waiting_bytes = 0
        """Their bodies, and those of requests that have a seat."""
        self.in_flight = 0
        """Requests that were admitted and are under way."""
        self._loads: dict[TenantId, Load] = {}
        self._shares = 0.0
        self._lines: dict[Hashable, Line] = {}
        self._on_its_way: Seat | None = None

    def sit(self, seat: Seat, admission: Admission, terms: BatchTerms) -> None:
        """Give a request a seat. Raises GatewayError `draining` or `overloaded` (503)."""
        if admission.is_leaving:
            seat.ending = BatchEnding.SHED
            raise leaving()
        if admission.waiting:
            raise _shed(seat, f"{admission.waiting} interactive requests wait for room themselves")
        load = self._loads.get(seat.tenant)
        if load is None:
            load = self._loads[seat.tenant] = seat.load
            self._shares += load.share
        elif load.share != seat.share:
            # The policy was changed.
            self._shares += seat.share - load.share
            load.share = seat.share
        # At least one: a share of a queue is never nothing.
        if load.seated >= max(1.0, terms.queue * load.share / self._shares):
            raise _shed(seat, f"{load.seated} batch requests of this tenant wait already, its share of the queue")
        load.seated += 1
        seat.load, seat.stage = load, SeatStage.SEATED

    def weigh(self, seat: Seat, size_bytes: int, terms: BatchTerms) -> None:
        """Count a seated request's body. Raises GatewayError `overloaded` (503) where the queue holds too many."""
        load = seat.load
        if load.seated > 1 and load.seated_bytes + size_bytes > terms.queue_bytes * load.share / self._shares:
            raise _shed(
                seat, f"the bodies of {load.seated - 1} batch requests of this tenant fill its share of the queue"
            )
        seat.size_bytes = size_bytes
        load.seated_bytes += size_bytes
        self.waiting_bytes += size_bytes

    def line_up(self, seat: Seat, name: Hashable, tier: Tier, prompt_tokens: int) -> None:
        """Let a request wait for a tier. Lines of another name are others', though their tier is called the same."""
        seat.name, seat.prompt_tokens = name, prompt_tokens
        self._stand(seat, tier).append(seat)

    def call(self, admission: Admission, terms: BatchTerms, has_room: HasRoom) -> Seat | None:
        """Admit who is next, if there is room to spare for anybody: wake it."""
        if self._on_its_way is not None or not self.waiting or not admission.has_spare(terms.fill):
            return None
        for name, line in self._lines.items():
            seat = self._first(line)
            if has_room(line.tier, seat.prompt_tokens):
                self._leave_line(seat)
                if name in self._lines:
                    # The other lines are next.
                    self._lines[name] = self._lines.pop(name)
                self._unseat(seat)
                seat.stage, seat.ending = SeatStage.ADMITTED, BatchEnding.ADMITTED
                seat.load.in_flight += 1
                self.in_flight += 1
                admission.lend()
                self._on_its_way = seat
                return seat
        return None

    def arrived(self, seat: Seat) -> None:
        """Take note that a request has its place on a server, so that the next may come."""
        if self._on_its_way is seat:
            self._on_its_way = None

    def step_back(self, seat: Seat, tier: Tier, admission: Admission, limits: EdgeLimits) -> list[AdmissionPlace]:
        """Put a request that was called at the head of its queue again, since others took the room that was seen.

        Return which interactive ones come in for it: wake each.
        """
        self.arrived(seat)
        self.in_flight -= 1
        load = seat.load
        load.in_flight -= 1
        load.seated += 1
        load.seated_bytes += seat.size_bytes
        self.waiting_bytes += seat.size_bytes
        self._stand(seat, tier).appendleft(seat)
        return admission.give_back(limits)

    def withdraw(self, seat: Seat, ending: BatchEnding) -> None:
        """Take a request from its line, since its wait has ended so. One that was admitted meanwhile stays so."""
        if seat.stage is SeatStage.IN_LINE:
            self._leave_line(seat)
            seat.stage, seat.ending = SeatStage.SEATED, ending

    def turn_away(self) -> list[Seat]:
        """Take everybody from the lines, since the worker goes away: wake each."""
        everybody = [seat for line in self._lines.values() for queue in line.queues.values() for seat in queue]
        for seat in everybody:
            self.withdraw(seat, BatchEnding.SHED)
        return everybody

    def leave(self, seat: Seat, admission: Admission, limits: EdgeLimits) -> list[AdmissionPlace]:
        """Count a request out, wherever it was, and return which interactive ones come in for it: wake each."""
        self.withdraw(seat, BatchEnding.GONE)
        self.arrived(seat)
        stage, seat.stage = seat.stage, SeatStage.STANDING
        granted: list[AdmissionPlace] = []
        if stage is SeatStage.SEATED:
            self._unseat(seat)
        elif stage is SeatStage.ADMITTED:
            seat.load.in_flight -= 1
            self.in_flight -= 1
            granted = admission.give_back(limits)
        self._forget(seat.tenant, seat.load)
        return granted

    def _first(self, line: Line) -> Seat:
        tenant = min(line.queues, key=lambda each: self._loads[each].in_flight / self._loads[each].share)
        return line.queues[tenant][0]

    def _stand(self, seat: Seat, tier: Tier) -> deque[Seat]:
        """Count a request in line, and return the queue in which it is to stand."""
        seat.stage = SeatStage.IN_LINE
        self.waiting += 1
        line = self._lines.get(seat.name)
        if line is None:
            line = self._lines[seat.name] = Line(tier)
        return line.queues.setdefault(seat.tenant, deque())

    def _leave_line(self, seat: Seat) -> None:
        line = self._lines[seat.name]
        queue = line.queues[seat.tenant]
        queue.remove(seat)
        self.waiting -= 1
        if not queue:
            del line.queues[seat.tenant]
        if not line.queues:
            del self._lines[seat.name]

    def _unseat(self, seat: Seat) -> None:
        seat.load.seated -= 1
        seat.load.seated_bytes -= seat.size_bytes
        self.waiting_bytes -= seat.size_bytes

    def _forget(self, tenant: TenantId, load: Load) -> None:
        """Forget a tenant that has nothing here any more."""
        if not load.seated and not load.in_flight and self._loads.get(tenant) is load:
            del self._loads[tenant]
            self._shares -= load.share


def leaving() -> GatewayError:
    """Say that this worker takes no batch request any more."""
    message = "The gateway is shutting down; try again."
    return GatewayError(ErrorCode.DRAINING, message, retry_after_s=DRAINING_RETRY_S)


def why_no_room(admission: Admission, terms: BatchTerms, tier: Tier, *, in_service: bool, has_room: bool) -> str:
    """Say what a batch request waits for at this moment: the last two tell of the servers of its tier."""
    if admission.waiting:
        return f"{admission.waiting} interactive requests wait for room themselves"
    if not admission.has_spare(terms.fill):
        most = max(1, int(terms.fill * admission.limit))
        return f"{admission.in_flight} requests are under way, and batch requests are let in below {most}"
    if not in_service:
        return f"no server of the tier {tier.name} is in service"
    if not has_room:
        return f"each server of the tier {tier.name} has as many requests under way as leave none to spare"
    return "others were before it"


def _shed(seat: Seat, why: str) -> GatewayError:
    seat.ending = BatchEnding.SHED
    message = f"There is no room for batch requests: {why}. Try again."
    return GatewayError(ErrorCode.OVERLOADED, message, retry_after_s=SHED_RETRY_S, outcome=Outcome.NO_SPARE_ROOM)
