"""The one exception that ends a request early, and the closed table of its codes.

    GatewayError(code, message, param, retry_after_s)
    ├─ raised by wire/, core/ and the stages: the client is told `message`, so it never holds secrets or internals
    └─ its status, type and blame follow from `code` (`ERRORS`)

What goes wrong with an attempt is not an exception but a value (`outcome.FailureKind`), which the exchange machine
decides on.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.outcome import Outcome


class ErrorCode(StrEnum):
    """What a client may be told, as the `code` of an OpenAI error body."""

    MALFORMED_BODY = "malformed_body"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    INVALID_VALUE = "invalid_value"
    LIMIT_EXCEEDED = "limit_exceeded"
    FORBIDDEN_FIELD = "forbidden_field"
    BAD_REQUEST_LINE = "bad_request_line"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    NO_ABLE_TIER = "no_able_tier"
    MISSING_API_KEY = "missing_api_key"
    INVALID_API_KEY = "invalid_api_key"
    PERMISSION_DENIED = "permission_denied"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    HEADERS_TOO_LARGE = "headers_too_large"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    INTERNAL_ERROR = "internal_error"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_REJECTED = "upstream_rejected"
    TIER_UNAVAILABLE = "tier_unavailable"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    STREAM_INTERRUPTED = "stream_interrupted"


@dataclass(frozen=True, slots=True)
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
    ErrorCode.NO_ABLE_TIER: ErrorTerms(400, _REQUEST, Outcome.NO_TIER),
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
    ErrorCode.UPSTREAM_TIMEOUT: ErrorTerms(504, _SERVER, Outcome.UPSTREAM_FAILED),
    ErrorCode.DEADLINE_EXCEEDED: ErrorTerms(504, _SERVER, Outcome.DEADLINE),
    # Sent in band, behind a 200: the status is for the record only.
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
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.status = ERRORS[code].status if status is None else status

    @property
    def outcome(self) -> Outcome:
        """Return how a request that ends with this error is counted."""
        return ERRORS[self.code].outcome
