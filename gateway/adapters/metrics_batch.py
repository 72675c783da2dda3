"""What becomes of batch requests, counted apart: their waits would hide how long those take whose clients wait."""

from collections.abc import Callable
from typing import Final

from gateway.adapters.metrics_cells import Counts, Spread
from gateway.adapters.metrics_shape import NANO, Kind, Metric
from gateway.domain.batch import BatchEnding
from gateway.domain.receipt import Receipt

_WAIT_S: Final = (0.01, 0.1, 1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
_MS_PER_S: Final = 1e3

BATCH_REQUESTS = Metric(
    "tiergate_batch_requests_total",
    Kind.COUNTER,
    ("ending", "tenant"),
    "Batch requests by what became of them at the queue: unneeded, admitted, expired, shed, gone.",
)
BATCH_WAIT = Metric(
    "tiergate_batch_wait_seconds",
    Kind.HISTOGRAM,
    ("ending",),
    "How long batch requests that stood in line waited for room.",
    _WAIT_S,
)
BATCH_DURATION = Metric(
    "tiergate_batch_duration_seconds",
    Kind.HISTOGRAM,
    ("tier",),
    "Time from the first byte of a batch request to the last of its answer, waiting included.",
    _WAIT_S,
)
BATCH_COST = Metric(
    "tiergate_batch_cost_usd_total",
    Kind.COUNTER,
    ("tier", "tenant"),
    "Money charged for batch requests, in USD: part of tiergate_cost_usd_total.",
    scale=NANO,
)
BATCH_WAITING = Metric("tiergate_batch_waiting", Kind.GAUGE, (), "Batch requests that stand in line for room.")
BATCH_WAITING_BYTES = Metric(
    "tiergate_batch_waiting_bytes", Kind.GAUGE, (), "Bodies of the batch requests that are not under way yet."
)
BATCH_IN_FLIGHT = Metric("tiergate_batch_in_flight", Kind.GAUGE, (), "Batch requests under way.")

BATCH_METRICS = (
    BATCH_REQUESTS,
    BATCH_WAIT,
    BATCH_DURATION,
    BATCH_COST,
    BATCH_WAITING,
    BATCH_WAITING_BYTES,
    BATCH_IN_FLIGHT,
)
"""In the order in which they are exposed."""


class BatchFigures:
    """Counts batch requests. `count` and `spread` keep what is counted under a metric."""

    def __init__(self, count: Callable[[Metric], Counts], spread: Callable[[Metric], Spread]) -> None:
        self._requests = count(BATCH_REQUESTS)
        self._cost = count(BATCH_COST)
        self._wait = spread(BATCH_WAIT)
        self._duration = spread(BATCH_DURATION)

    def record(self, receipt: Receipt, tier: str, tenant: str) -> None:
        """Count one that ended."""
        note = receipt.batch
        assert note is not None, "asked of batch requests alone"
        self._requests.add((note.ending, tenant))
        if note.ending is not BatchEnding.UNNEEDED:
            self._wait.observe((note.ending,), note.waited_ms / _MS_PER_S)
        if tier:
            self._duration.observe((tier,), receipt.times.end_ms / _MS_PER_S)
        if receipt.charge_usd_nano:
            self._cost.add((tier, tenant), receipt.charge_usd_nano)
