"""Answers that are given before the pipeline is reached."""

import http

from gateway.domain.errors import GatewayError
from gateway.domain.request import Operation
from gateway.ports import Headers
from gateway.wire.dialects import DIALECTS
from gateway.wire.problem import problem


def refusal(error: GatewayError, called: Operation = Operation.CHAT) -> tuple[int, Headers, bytes]:
    """Write an error as status, headers and body, ready to be sent in one piece to who called that operation."""
    status, headers, body = problem(error)
    dialect = DIALECTS.get(called)
    if dialect is not None:
        body = dialect.error(body, status, None)
    return status, [*headers, (b"content-length", b"%d" % len(body))], body


def refusal_bytes(error: GatewayError) -> bytes:
    """Write the whole HTTP/1.1 answer to a request that never became one; it announces the connection's end."""
    status, headers, body = refusal(error)
    lines = [b"HTTP/1.1 %d %b" % (status, http.HTTPStatus(status).phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"connection: close", b"", body])
