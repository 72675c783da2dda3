"""Answers that are given before the pipeline is reached."""

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
