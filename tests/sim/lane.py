"""A gateway's queue of batch requests, watched: who came in while others waited, and what became of each."""

from gateway.core.admission import Admission
from gateway.core.admission import Place as AdmissionPlace
from gateway.core.batch_queue import BatchQueue, HasRoom, Seat
from gateway.domain.batch import BatchTerms
from gateway.domain.limits import EdgeLimits
from gateway.domain.tier import Tier
from tests.sim.run import Run

STEPPED_BACK = "stepped back"
"""How often a request found its room taken, beside how each has ended."""


class WatchedLane(BatchQueue):
    """Does all that the queue does, and writes down what it must not."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def sit(self, seat: Seat, admission: Admission, terms: BatchTerms) -> None:
        """Give a request a seat."""
        super().sit(seat, admission, terms)
        self._look(admission, "was given a seat")

    def call(self, admission: Admission, terms: BatchTerms, has_room: HasRoom) -> Seat | None:
        """Admit who is next."""
        seat = super().call(admission, terms, has_room)
        if seat is not None:
            self._look(admission, "was called")
        return seat

    def step_back(self, seat: Seat, tier: Tier, admission: Admission, limits: EdgeLimits) -> list[AdmissionPlace]:
        """Put a request at the head of its queue again."""
        self._run.lane[STEPPED_BACK] += 1
        return super().step_back(seat, tier, admission, limits)

    def leave(self, seat: Seat, admission: Admission, limits: EdgeLimits) -> list[AdmissionPlace]:
        """Count a request out."""
        granted = super().leave(seat, admission, limits)
        self._run.lane[seat.ending.value] += 1
        return granted

    def _look(self, admission: Admission, what: str) -> None:
        if admission.waiting:
            self._run.pushed_in.append(f"a batch request {what} while {admission.waiting} others waited")
