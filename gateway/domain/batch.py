"""The batch lane: requests that wait for room which nobody else has use for, and are turned away first."""

from enum import StrEnum

from gateway.domain.noun import noun


class Priority(StrEnum):
    """Who waits for whom."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BATCH = "batch"
    """Nobody does: it is made from what interactive requests leave."""


class BatchEnding(StrEnum):
    """What became of a batch request at the queue. Every one has exactly one."""

    UNNEEDED = "unneeded"
    """It never came to stand in line: a kept answer was given, or it was refused for another reason."""
    ADMITTED = "admitted"
    """There was room to spare, and it went on as any request does."""
    EXPIRED = "expired"
    """Its time to wait was up."""
    SHED = "shed"
    """It was turned away: the queue was full, interactive requests waited themselves, or the worker went away."""
    GONE = "gone"
    """Its client left while it waited."""


@noun
class BatchTerms:
    """How much batch requests may fill of what there is, and how many wait for it. Defaults are the policy's."""

    fill: float = 0.5
    """Of the requests that may be under way at once, in the worker and on each server: batch requests come in below
    this share."""
    queue: int = 4_096
    queue_bytes: int = 64 * 1024 * 1024
    """Of the bodies of those that wait."""
    wait_s: float = 480.0


@noun
class BatchNote:
    """What a receipt tells of a batch request's wait."""

    ending: BatchEnding
    waited_ms: float
