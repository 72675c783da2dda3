"""What a gateway logs beside its requests: one line for each change of state, under a name from a closed list.

log.error("endpoint %s is given no more requests", name, extra=marked(LogEvent.ENDPOINT_EJECTED, endpoint=name))
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypedDict, Unpack

EVENT: Final = "event"
FACTS: Final = "facts"
"""Under these names a log record carries what `marked` adds to it."""


class LogEvent(StrEnum):
    """What happened. One closed list: the log and the reference share it."""

    NOTE = "note"
    """Anything else: the message says it."""
    CANNOT_START = "cannot_start"
    """Settings, policy, port or artefacts are not as they must be."""
    WORKER_SERVING = "worker_serving"
    """A worker takes requests from now on."""
    WORKER_LEAVING = "worker_leaving"
    """A worker was told to stop: it is not ready for more, and serves what comes until its lame-duck time is over."""
    WORKER_BREAKS_OFF = "worker_breaks_off"
    """A worker breaks off the requests that took longer than the time to drain."""
    WORKER_ENDED = "worker_ended"
    """A worker ended by itself, and is started again."""
    POLICY_TAKEN = "policy_taken"
    """Another policy is in force."""
    POLICY_REFUSED = "policy_refused"
    """An edit of the policy has problems or cannot be read; the one before stays in force."""
    MODEL_TAKEN = "model_taken"
    """Another difficulty model is in force."""
    MODEL_REFUSED = "model_refused"
    """A difficulty model is not sound; the one before stays in force."""
    ENDPOINT_EJECTED = "endpoint_ejected"
    """A model server failed too often, and is given no more requests."""
    ENDPOINT_BACK = "endpoint_back"
    """A model server that was given up serves again."""
    REDIS_LOST = "redis_lost"
    """Redis failed several times in a row, and is not asked until it is found to be back."""
    REDIS_BACK = "redis_back"
    """Redis answers again."""
    LEDGER_LOST = "ledger_lost"
    """Several claims in a row were not answered: what becomes of requests with a budget, the policy says."""
    LEDGER_BACK = "ledger_back"
    """A claim was answered again."""
    TELEMETRY_LOST = "telemetry_lost"
    """The collector did not take spans or metrics; they are dropped and counted until it does."""
    TELEMETRY_BACK = "telemetry_back"
    """The collector takes them again."""
    PROMPT_SENT = "prompt_sent"
    """The prompt of a request goes to the collector, as its tenant's `trace_text_until` allows."""
    SEMANTIC_STOPPED = "semantic_stopped"
    """Too many answers to other words were wrong: a tenant is given none on a route."""
    SEMANTIC_RESUMED = "semantic_resumed"
    """Comparisons allow answers to other words again."""
    SEMANTIC_SEARCHED = "semantic_searched"
    """The server finds like questions from now on; the cause names how."""
    SEMANTIC_UNSEARCHED = "semantic_unsearched"
    """The server cannot find like questions as the settings want it to; each worker looks in its own memory."""
    CACHE_REPORTED = "cache_reported"
    """A caller reported a kept answer as wrong."""
    CACHE_PURGED = "cache_purged"
    """An operator purged kept answers."""
    LOOP_STALLED = "loop_stalled"
    """The event loop stood still; the message says where."""
    FAULT = "fault"
    """A fault of the gateway, with its traceback; its client was told of the request's id."""
    TASK_FAILED = "task_failed"
    """Work in the background has ended, and what it did is not done until a restart."""


class Facts(TypedDict, total=False):
    """What a line may say beside its message."""

    endpoint: str
    """A model server, by its tier and position."""
    cause: str
    """Why, in one word, or as Redis or the system said it."""
    snapshot: str
    """The policy in force."""
    model: str
    """A difficulty model's name and version."""
    tenant: str
    """Whose."""
    route: str
    """On which route."""
    request_id: str
    """The request."""
    entry: str
    """A kept answer's name."""
    count: int
    """How many."""
    exit_code: int
    """How a process ended; below 0 the signal that ended it."""


def marked(event: LogEvent, **facts: Unpack[Facts]) -> Mapping[str, object]:
    """Return what a call of the logger is given as `extra`."""
    return {EVENT: event, FACTS: facts}
