"""Errors as Anthropic's clients are told them."""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ERRORS, ErrorCode
from gateway.wire.messages.events import named_event

_BY_STATUS: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Every other status below 500 is the request's fault, and every other one above the server's."""
_SERVER_FAULT: Final = 500


class _Said(msgspec.Struct, gc=False):
    message: str
    code: str


class _Body(msgspec.Struct, gc=False):
    error: _Said


_DECODER = msgspec.json.Decoder(_Body)


def error_from_chat(body: bytes, status: int, request_id: str | None = None) -> bytes:
    """Write one of our own error bodies as Anthropic's API would. `details.error_code` is our own code."""
    return msgspec.json.encode(_document(_DECODER.decode(body).error, status, request_id))


def error_event_from_chat(payload: bytes) -> bytes:
    """Write the error that breaks off a stream as the event of that name."""
    said = _DECODER.decode(payload).error
    return named_event(b"error", msgspec.json.encode(_document(said, ERRORS[ErrorCode(said.code)].status, None)))


def error_type(status: int) -> str:
    """Return what Anthropic's API calls an error of a status."""
    return _BY_STATUS.get(status, "api_error" if status >= _SERVER_FAULT else "invalid_request_error")


def _document(said: _Said, status: int, request_id: str | None) -> dict[str, Any]:
    error = {"type": error_type(status), "message": said.message, "details": {"error_code": said.code}}
    told: dict[str, Any] = {"type": "error", "error": error}
    return told if request_id is None else {**told, "request_id": request_id}
