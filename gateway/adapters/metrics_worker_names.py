"""What a worker tells of itself: how much it takes on, and whether its event loop keeps time."""

from gateway.adapters.metrics_shape import STALL_S, Kind, Metric

ADMISSION_LIMIT = Metric(
    "tiergate_admission_limit", Kind.GAUGE, (), "Requests that may be under way now: less where the event loop is late."
)
WAITING = Metric("tiergate_requests_waiting", Kind.GAUGE, (), "Requests that wait for one under way to end.")
SHED = Metric("tiergate_requests_shed_total", Kind.COUNTER, (), "Requests told to come back for want of room.")
LOOP_STALL = Metric(
    "tiergate_loop_stall_seconds",
    Kind.HISTOGRAM,
    (),
    "How late the event loop's timers come, sampled twenty times a second: for so long nobody is served.",
    STALL_S,
)
SPANS_LOST = Metric(
    "tiergate_spans_lost_total",
    Kind.COUNTER,
    (),
    "Requests whose spans were wanted and lost: the queue was full, or the collector did not take them.",
)
WORKERS_TOLD = Metric(
    "tiergate_scrape_workers",
    Kind.GAUGE,
    (),
    "Workers whose figures this very answer holds: fewer than there are where one did not answer in time.",
)

WORKER_METRICS = (ADMISSION_LIMIT, WAITING, SHED, LOOP_STALL, SPANS_LOST, WORKERS_TOLD)
"""In the order in which they are exposed."""
