"""Answers before the pipeline have the shape of all others."""

import json

from gateway.app.refusal import refusal, refusal_bytes
from gateway.domain.errors import ErrorCode, GatewayError


def test_a_refusal_is_shaped_as_openai_shapes_errors() -> None:
    status, headers, body = refusal(GatewayError(ErrorCode.LIMIT_EXCEEDED, "Too many.", param="n"))
    assert status == 400
    assert dict(headers)[b"content-length"] == str(len(body)).encode()
    assert json.loads(body)["error"] == {
        "message": "Too many.",
        "type": "invalid_request_error",
        "param": "n",
        "code": "limit_exceeded",
    }


def test_a_refusal_on_the_wire_announces_the_end_of_the_connection() -> None:
    head, _, body = refusal_bytes(GatewayError(ErrorCode.HEADERS_TOO_LARGE, "Too large.")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nconnection: close" in head
    assert json.loads(body)["error"]["code"] == "headers_too_large"
