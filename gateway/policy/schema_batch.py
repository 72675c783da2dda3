"""The file format: the batch lane."""

from typing import Annotated

from gateway.policy.quantities import Quantity
from gateway.policy.scales import COUNT, DURATION, SHARE, SIZE
from gateway.policy.section import Section, optional


class BatchSpec(Section):
    """How much requests that nobody waits for may fill, and how they wait."""

    fill: Annotated[float, Quantity(SHARE, "0.01", "1")] = optional(
        "50%",
        "Share of the requests that may be under way at once, in the worker (`limits.in_flight`) and on each server "
        "(`tiers.*.limits`, less while it is late), below which batch requests come in, and only while no interactive "
        "one waits.",
    )
    queue: Annotated[int, Quantity(COUNT, "1", "100000")] = optional(
        4096, "Batch requests that may wait, in each worker process; shared among tenants like `limits.queue`."
    )
    queue_size: Annotated[int, Quantity(SIZE, "1MiB", "65536MiB")] = optional(
        "64MiB", "Size of the bodies of those that wait, in each worker process; shared like the queue."
    )
    wait: Annotated[float, Quantity(DURATION, "1s", "1d")] = optional(
        "8m",
        "Longest wait there, or nine tenths of the time that the caller allows; the route's deadline begins after it. "
        "Official clients give up after 10 minutes in all, if not told otherwise.",
    )
