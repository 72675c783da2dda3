"""How a request ended, who is to blame, and what went wrong on the way."""

from enum import StrEnum


class Blame(StrEnum):
    """Whose fault an ending was."""

    NOBODY = "nobody"
    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class Outcome(StrEnum):
    """Every request has exactly one."""

    SUCCESS_UPSTREAM = "success_upstream"
    """A model server's whole answer."""
    SUCCESS_CACHE_EXACT = "success_cache_exact"
    """A kept answer to the very same request."""
    SUCCESS_CACHE_SEMANTIC = "success_cache_semantic"
    """A kept answer to the same question in other words."""
    SUCCESS_CACHE_COALESCED = "success_cache_coalesced"
    """The answer to the very same request of another caller of the tenant, which was under way."""
    SUCCESS_SCORED = "success_scored"
    """The gateway's own answer: how hard the request is."""
    CLIENT_REJECTED = "client_rejected"
    """We found the request at fault."""
    CLIENT_GONE_BEFORE = "client_gone_before"
    """The client left before the first content byte."""
    CLIENT_GONE_DURING = "client_gone_during"
    """The client left within the answer."""
    THROTTLED = "throttled"
    """The tenant's own rate or budget."""
    SHED = "shed"
    """We are too busy, or shutting down."""
    NO_SPARE_ROOM = "no_spare_room"
    """A batch request found no room to spare, which is all it asked for: turned away, or not let in in its time."""
    NO_TIER = "no_tier"
    """No tier is able, or none of the able ones is healthy."""
    UPSTREAM_REJECTED = "upstream_rejected"
    """The model server found the request at fault; its answer was passed on."""
    UPSTREAM_FAILED = "upstream_failed"
    """No model server that was tried gave an answer."""
    STREAM_TRUNCATED = "stream_truncated"
    """The answer broke off after the first content byte; the client was told in band."""
    DEADLINE = "deadline"
    """The time that the route or the caller allows ran out, before or within the answer."""
    INTERNAL = "internal"
    """A fault of ours."""


BLAME: dict[Outcome, Blame] = {
    Outcome.SUCCESS_UPSTREAM: Blame.NOBODY,
    Outcome.SUCCESS_CACHE_EXACT: Blame.NOBODY,
    Outcome.SUCCESS_CACHE_SEMANTIC: Blame.NOBODY,
    Outcome.SUCCESS_CACHE_COALESCED: Blame.NOBODY,
    Outcome.SUCCESS_SCORED: Blame.NOBODY,
    Outcome.CLIENT_REJECTED: Blame.CLIENT,
    Outcome.CLIENT_GONE_BEFORE: Blame.CLIENT,
    Outcome.CLIENT_GONE_DURING: Blame.CLIENT,
    Outcome.THROTTLED: Blame.CLIENT,
    Outcome.SHED: Blame.GATEWAY,
    Outcome.NO_SPARE_ROOM: Blame.CLIENT,
    Outcome.NO_TIER: Blame.UPSTREAM,
    Outcome.UPSTREAM_REJECTED: Blame.CLIENT,
    Outcome.UPSTREAM_FAILED: Blame.UPSTREAM,
    Outcome.STREAM_TRUNCATED: Blame.UPSTREAM,
    Outcome.DEADLINE: Blame.UPSTREAM,
    Outcome.INTERNAL: Blame.GATEWAY,
}


class FailureKind(StrEnum):
    """What an attempt died of, ordered by when: that alone decides whether another may follow."""

    CONNECT = "connect"
    """Nothing was sent: its name unknown, refused, unreachable, TLS, pool full, or no file left for a socket."""
    STALE = "stale"
    """Sent on a kept connection that ended without a byte: its server had most likely closed it before."""
    NO_RESPONSE = "no_response"
    """Sent, and the connection ended before a status line."""
    TTFT = "ttft"
    """No content within the tier's limit."""
    BUSY = "busy"
    """429 or 503."""
    SERVER_ERROR = "server_error"
    """Any other 5xx, or an error object where an answer should be."""
    BAD_ANSWER = "bad_answer"
    """A 2xx that is no answer: not JSON, not SSE, empty."""
    CONTEXT_LENGTH = "context_length"
    """The prompt is too long for this tier's model; a larger window may hold it."""
    REJECTED = "rejected"
    """Any other 4xx: the request is at fault, and would be elsewhere."""
    REFUSAL = "refusal"
    """A whole answer that declines to answer."""
    EMPTY = "empty"
    """A whole answer without anything in it."""
    INVALID_JSON = "invalid_json"
    """A whole answer that is not the JSON which was asked for."""
    BROKEN_TOOL_CALL = "broken_tool_call"
    """A whole answer that calls a tool which was not offered, or with arguments that are no JSON object."""
    BROKEN = "broken"
    """The answer broke off after its first content."""
    STALLED = "stalled"
    """No byte for the tier's stall limit, after the first content."""


OF_THE_ANSWER = frozenset(
    {FailureKind.REFUSAL, FailureKind.EMPTY, FailureKind.INVALID_JSON, FailureKind.BROKEN_TOOL_CALL}
)
"""Failures that leave an answer in hand: it is given if no better one can be had."""


class NoRetry(StrEnum):
    """Why no attempt followed the last one that failed."""

    FINAL = "final"
    """Nothing may follow such a failure: the request is at fault, or its answer had begun."""
    POLICY = "policy"
    """The route's `fallback.on` does not name the failure."""
    NOT_REPLAYABLE = "not_replayable"
    """A server may have begun to work on it, and the route's `fallback.replay` is off."""
    MAX_ATTEMPTS = "max_attempts"
    """The route's `fallback.max_attempts` is reached."""
    EXHAUSTED = "exhausted"
    """Every server that could take it was tried."""
    DEADLINE = "deadline"
    """No server that is left could answer in the time that is left."""
    RETRY_BUDGET = "retry_budget"
    """Retries are limited to a share of the requests, so that an outage is not multiplied."""
    COST_STORM = "cost_storm"
    """The dearer tier that is left takes no more requests in cheaper ones' place for now."""
