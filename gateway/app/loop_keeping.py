"""What a worker does about its event loop: the lag is measured and admits fewer requests, and stalls are logged."""

import logging

from gateway.adapters.loop_watch import LoopWatch
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_batch import BATCH_IN_FLIGHT, BATCH_WAITING, BATCH_WAITING_BYTES
from gateway.adapters.metrics_sources import expose_number
from gateway.adapters.metrics_worker_names import ADMISSION_LIMIT, SHED, WAITING
from gateway.app.events import LogEvent, marked
from gateway.pipeline.places import look_after
from gateway.pipeline.world import World

log = logging.getLogger("tiergate")


class LoopKeeping:
    """Ties the watch on the loop to admission, metrics and the log."""

    def __init__(self, world: World, metrics: Metrics) -> None:
        self._world = world
        self._metrics = metrics
        admission = world.admission
        expose_number(metrics, ADMISSION_LIMIT, lambda: admission.limit)
        expose_number(metrics, WAITING, lambda: admission.waiting)
        expose_number(metrics, SHED, lambda: admission.shed)
        batch = world.batch
        expose_number(metrics, BATCH_WAITING, lambda: batch.waiting)
        expose_number(metrics, BATCH_WAITING_BYTES, lambda: batch.waiting_bytes)
        expose_number(metrics, BATCH_IN_FLIGHT, lambda: batch.in_flight)

    async def run(self) -> None:
        """Watch the running loop until cancelled."""
        await LoopWatch(self._note_lag, report_stall).run()

    def _note_lag(self, lag_s: float, now_s: float) -> None:
        self._metrics.observe_lag(lag_s)
        look_after(lag_s, now_s, self._world)


def report_stall(late_s: float, task: str, frames: str) -> None:
    """Log what holds the loop up, with the innermost frames of its thread."""
    log.warning(
        "the event loop has stood still for %.0f ms, in %s; its thread is at\n%s",
        late_s * 1e3,
        task,
        frames,
        extra=marked(LogEvent.LOOP_STALLED),
    )
