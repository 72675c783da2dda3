"""Errors in Anthropic's shape."""

import json

import pytest

from gateway.domain.errors import ERRORS, ErrorCode, GatewayError
from gateway.wire.messages.errors import error_event_from_chat, error_from_chat, error_type
from gateway.wire.problem import problem


def test_an_error_says_what_ours_says() -> None:
    status, _, body = problem(GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, "Wait.", retry_after_s=2.0))
    assert json.loads(error_from_chat(body, status, "req_1")) == {
        "type": "error",
        "error": {
            "type": "rate_limit_error",
            "message": "Wait.",
            "details": {"error_code": "rate_limit_exceeded"},
        },
        "request_id": "req_1",
    }
    assert "request_id" not in json.loads(error_from_chat(body, status))


def test_in_a_stream_the_code_tells_the_type() -> None:
    _, _, body = problem(GatewayError(ErrorCode.STREAM_STALLED, "Silent."))
    name, data = error_event_from_chat(body).removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["type"] == "timeout_error"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_types_by_status(status: int, told: str) -> None:
    assert error_type(status) == told


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_can_end_a_stream(code: ErrorCode) -> None:
    _, _, body = problem(GatewayError(code, "x"))
    assert error_type(ERRORS[code].status).encode() in error_event_from_chat(body)
