"""The one exception that ends a request early, and the closed table of its codes.

    GatewayError(code, message, param, retry_after_s)
    ├─ raised by wire/, core/ and the stages: the client is told `message`, so it never holds secrets or internals
    └─ its status, type and blame follow from `code` (`ERRORS`)

What goes wrong with an attempt is not an exception but a value (`outcome.FailureKind`), which the exchange machine
decides on.
"""

from enum import StrEnum

from gateway.domain.noun import noun
from gateway.domain.outcome import Outcome


class ErrorCode(StrEnum):
    """What a client may be told, as the `code` of an OpenAI error body."""

    MALFORMED_BODY = "malformed_body"
    """The body is not JSON, or not an object."""
    TOO_DEEP = "too_deep"
    """The body's JSON is nested deeper than `limits.depth`."""
    DUPLICATE_KEY = "duplicate_key"
    """An object of the body has a member twice, which two readers would read differently."""
    INVALID_VALUE = "invalid_value"
    """A member or header has a value it cannot have; `param` names it."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """More messages, tools, stops or choices than the policy's `limits` allow."""
    FORBIDDEN_FIELD = "forbidden_field"
    """A host or a credential, which are the gateway's to set, or an image by address where none may be."""
    BAD_REQUEST_LINE = "bad_request_line"
    """The request's head or framing is not sound HTTP/1.1; the connection is closed."""
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    """The prompt is too long for every tier it may go to. Shorten it."""
    REQUEST_QUARANTINED = "request_quarantined"
    """Model servers died of this very request. It is not sent again for some minutes; change it."""
    NO_ABLE_TIER = "no_able_tier"
    """No tier that this key may use can do what is asked; the message says what is missing where."""
    COST_CEILING_EXCEEDED = "cost_ceiling_exceeded"
    """The longest answer could cost more than `x-tiergate-max-cost-usd` on every tier; the message has each cost."""
    MISSING_API_KEY = "missing_api_key"
    """No key was sent. Send `Authorization: Bearer <key>`."""
    INVALID_API_KEY = "invalid_api_key"
    """The key is not one of the policy's."""
    PERMISSION_DENIED = "permission_denied"
    """The key may not ask for this: naming a tier needs `allow.pin_tier`."""
    MODEL_NOT_FOUND = "model_not_found"
    """The model is no alias of the policy, or this key may not name it."""
    NOT_FOUND = "not_found"
    """Nothing is at this path, or there is no such receipt of this tenant."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path answers another method; the header `allow` names it."""
    REQUEST_TIMEOUT = "request_timeout"
    """The headers or the body did not arrive in time (`limits.headers_timeout`, `limits.body_timeout`)."""
    BODY_TOO_LARGE = "body_too_large"
    """The body is larger than `limits.body`."""
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    """The body is not plain `application/json` in UTF-8."""
    HEADERS_TOO_LARGE = "headers_too_large"
    """More or larger headers than `limits` allow."""
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    """The tenant's rate, or the key's requests under way, are used up. Wait for `retry-after`."""
    INSUFFICIENT_QUOTA = "insufficient_quota"
    """What is left of the tenant's budget may not cover the request. Lower `max_tokens`, or wait."""
    INTERNAL_ERROR = "internal_error"
    """A fault of the gateway's; its log has the request's id and the traceback."""
    UPSTREAM_ERROR = "upstream_error"
    """No model server that was tried gave an answer; the message says what each did."""
    UPSTREAM_REJECTED = "upstream_rejected"
    """The model server found the request at fault; the message is its own."""
    TIER_UNAVAILABLE = "tier_unavailable"
    """Every model server that could answer is busy or down. Wait for `retry-after`."""
    OVERLOADED = "overloaded"
    """The gateway has as many requests under way as `limits.in_flight` allows."""
    DRAINING = "draining"
    """The gateway is shutting down. Try again: another worker or replica answers."""
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    """The ledger does not answer, so this tenant's budget cannot be checked."""
    FEEDBACK_UNAVAILABLE = "feedback_unavailable"
    """What keeps feedback does not answer. Wait for `retry-after`: the same feedback again counts once."""
    CACHE_UNAVAILABLE = "cache_unavailable"
    """What keeps answers does not answer, so a purge or a report may not have been heard. Wait for `retry-after`."""
    NOT_CACHED = "not_cached"
    """The request takes a kept answer only (`Cache-Control: only-if-cached`), and there is none that it may have."""
    UPSTREAM_TIMEOUT = "upstream_timeout"
    """No model server had content within its tier's limit."""
    DEADLINE_EXCEEDED = "deadline_exceeded"
    """The deadline of the route or the caller passed, or no tier was expected to answer before it; `message` tells."""
    STREAM_STALLED = "stream_stalled"
    """The model server sent nothing for its tier's `limits.stall`, within its answer. Told in band."""
    STREAM_INTERRUPTED = "stream_interrupted"
    """In a stream, behind a 200: the answer broke off and is incomplete."""


@noun
class ErrorTerms:
    """What follows from a code: HTTP status, OpenAI error `type`, and the request's outcome."""

    status: int
    type: str
    outcome: Outcome


_REQUEST = "invalid_request_error"
_SERVER = "server_error"

ERRORS: dict[ErrorCode, ErrorTerms] = {
    ErrorCode.MALFORMED_BODY: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.TOO_DEEP: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.DUPLICATE_KEY: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.INVALID_VALUE: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.LIMIT_EXCEEDED: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.FORBIDDEN_FIELD: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.BAD_REQUEST_LINE: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.CONTEXT_LENGTH_EXCEEDED: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.REQUEST_QUARANTINED: ErrorTerms(400, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.NO_ABLE_TIER: ErrorTerms(400, _REQUEST, Outcome.NO_TIER),
    ErrorCode.COST_CEILING_EXCEEDED: ErrorTerms(402, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.MISSING_API_KEY: ErrorTerms(401, "authentication_error", Outcome.CLIENT_REJECTED),
    ErrorCode.INVALID_API_KEY: ErrorTerms(401, "authentication_error", Outcome.CLIENT_REJECTED),
    ErrorCode.PERMISSION_DENIED: ErrorTerms(403, "permission_error", Outcome.CLIENT_REJECTED),
    ErrorCode.MODEL_NOT_FOUND: ErrorTerms(404, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.NOT_FOUND: ErrorTerms(404, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorTerms(405, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.REQUEST_TIMEOUT: ErrorTerms(408, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.BODY_TOO_LARGE: ErrorTerms(413, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ErrorTerms(415, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.HEADERS_TOO_LARGE: ErrorTerms(431, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.RATE_LIMIT_EXCEEDED: ErrorTerms(429, "rate_limit_error", Outcome.THROTTLED),
    ErrorCode.INSUFFICIENT_QUOTA: ErrorTerms(429, "insufficient_quota", Outcome.THROTTLED),
    ErrorCode.INTERNAL_ERROR: ErrorTerms(500, _SERVER, Outcome.INTERNAL),
    ErrorCode.UPSTREAM_ERROR: ErrorTerms(502, _SERVER, Outcome.UPSTREAM_FAILED),
    # The status is the model server's own; this row gives the type and, should there be none, the status.
    ErrorCode.UPSTREAM_REJECTED: ErrorTerms(400, _REQUEST, Outcome.UPSTREAM_REJECTED),
    ErrorCode.TIER_UNAVAILABLE: ErrorTerms(503, _SERVER, Outcome.NO_TIER),
    ErrorCode.OVERLOADED: ErrorTerms(503, _SERVER, Outcome.SHED),
    ErrorCode.DRAINING: ErrorTerms(503, _SERVER, Outcome.SHED),
    ErrorCode.LEDGER_UNAVAILABLE: ErrorTerms(503, _SERVER, Outcome.SHED),
    ErrorCode.FEEDBACK_UNAVAILABLE: ErrorTerms(503, _SERVER, Outcome.SHED),
    ErrorCode.CACHE_UNAVAILABLE: ErrorTerms(503, _SERVER, Outcome.SHED),
    # RFC 9111 §5.2.1.7 asks for this status.
    ErrorCode.NOT_CACHED: ErrorTerms(504, _REQUEST, Outcome.CLIENT_REJECTED),
    ErrorCode.UPSTREAM_TIMEOUT: ErrorTerms(504, _SERVER, Outcome.UPSTREAM_FAILED),
    ErrorCode.DEADLINE_EXCEEDED: ErrorTerms(504, _SERVER, Outcome.DEADLINE),
    # Sent in band, behind a 200: the status is for the record only.
    ErrorCode.STREAM_STALLED: ErrorTerms(504, _SERVER, Outcome.STREAM_TRUNCATED),
    ErrorCode.STREAM_INTERRUPTED: ErrorTerms(502, _SERVER, Outcome.STREAM_TRUNCATED),
}


class GatewayError(Exception):
    """Ends a request with an error the client is told. `message` is public: what, where, and how to mend it."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.status = ERRORS[code].status if status is None else status
        self.outcome = ERRORS[code].outcome if outcome is None else outcome
        """How a request that ends with this error is counted: as its code says, if nothing else is known."""
