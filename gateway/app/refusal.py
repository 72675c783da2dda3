"""Answers that are given before the pipeline is reached."""

import http
import json

from gateway.domain.errors import ERRORS, GatewayError
from gateway.ports import Headers


def refusal(error: GatewayError) -> tuple[int, Headers, bytes]:
    """Write an error as status, headers and an OpenAI-shaped body."""
    terms = ERRORS[error.code]
    body = json.dumps(
        {"error": {"message": error.message, "type": terms.type, "param": error.param, "code": error.code.value}},
        separators=(",", ":"),
    ).encode()
    return error.status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body


def refusal_bytes(error: GatewayError) -> bytes:
    """Write the whole HTTP/1.1 answer to a request that never became one; it announces the connection's end."""
    status, headers, body = refusal(error)
    lines = [b"HTTP/1.1 %d %b" % (status, http.HTTPStatus(status).phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"connection: close", b"", body])
