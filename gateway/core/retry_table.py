"""Which failure may be followed by which attempt: the safe-retry table, as data.

What decides is when the attempt died. Before anything was sent nothing can have been done twice. Once a request was
sent a server may have worked on it, which matters only to a request with effects of its own (`may_have_run`). Once
content has gone to the client nothing may follow.
"""

from enum import Enum

from gateway.domain.errors import ErrorCode
from gateway.domain.noun import noun
from gateway.domain.outcome import FailureKind


class Next(Enum):
    """Where the next attempt goes."""

    SAME_SERVER = "same_server"
    """To the same server on a fresh connection, once; nothing was wrong with it."""
    NEIGHBOUR = "neighbour"
    """To another server of the tier, and when there is none to another tier: the failure was one server's."""
    NEXT_TIER = "next_tier"
    """To another tier, and when there is none to another server: the failure was the tier's."""
    LARGER_WINDOW = "larger_window"
    """To a tier that can hold a longer prompt, and nowhere else."""
    STRONGER_TIER = "stronger_tier"
    """To a dearer tier, and nowhere else: the answer was not good enough."""
    NOWHERE = "nowhere"
    """Nothing may follow."""


@noun
class RetryRule:
    """What may follow a failure, and what the client is told when nothing does.

    `may_have_run` says that the server may have worked on the request.
    """

    next: Next
    may_have_run: bool
    told: ErrorCode = ErrorCode.UPSTREAM_ERROR


SAFE_RETRY: dict[FailureKind, RetryRule] = {
    FailureKind.CONNECT: RetryRule(Next.NEIGHBOUR, may_have_run=False),
    FailureKind.STALE: RetryRule(Next.SAME_SERVER, may_have_run=True),
    FailureKind.NO_RESPONSE: RetryRule(Next.NEIGHBOUR, may_have_run=True),
    FailureKind.TTFT: RetryRule(Next.NEXT_TIER, may_have_run=True, told=ErrorCode.UPSTREAM_TIMEOUT),
    FailureKind.BUSY: RetryRule(Next.NEXT_TIER, may_have_run=False, told=ErrorCode.TIER_UNAVAILABLE),
    FailureKind.SERVER_ERROR: RetryRule(Next.NEIGHBOUR, may_have_run=True),
    FailureKind.BAD_ANSWER: RetryRule(Next.NEIGHBOUR, may_have_run=True),
    FailureKind.CONTEXT_LENGTH: RetryRule(Next.LARGER_WINDOW, may_have_run=False, told=ErrorCode.UPSTREAM_REJECTED),
    FailureKind.REJECTED: RetryRule(Next.NOWHERE, may_have_run=False, told=ErrorCode.UPSTREAM_REJECTED),
    FailureKind.REFUSAL: RetryRule(Next.STRONGER_TIER, may_have_run=True),
    FailureKind.EMPTY: RetryRule(Next.STRONGER_TIER, may_have_run=True),
    FailureKind.INVALID_JSON: RetryRule(Next.STRONGER_TIER, may_have_run=True),
    FailureKind.BROKEN_TOOL_CALL: RetryRule(Next.STRONGER_TIER, may_have_run=True),
    FailureKind.BROKEN: RetryRule(Next.NOWHERE, may_have_run=True),
    FailureKind.STALLED: RetryRule(Next.NOWHERE, may_have_run=True),
}
"""Every failure has a row."""
