"""What is checked on the raw bytes of a body, before anything is built from them."""

from typing import Final

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.json_shape import depths, skeleton, steps

CONTAINERS_MAX: Final = 131_072
"""Objects and arrays in one body. No request has as many; it bounds the work that a parser can be made to do."""
LISTED_IN: Final = {
    Operation.CHAT: "messages",
    Operation.COMPLETIONS: "prompt",
    Operation.EMBEDDINGS: "input",
    Operation.MESSAGES: "messages",
    Operation.RESPONSES: "input",
    Operation.SYSTEMONE: "questions",
    Operation.DECISIONS: "questions",
    Operation.RERANK: "documents",
}
"""The member that holds what an operation works on."""
_BOM = b"\xef\xbb\xbf"
_BOM_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BEGINNINGS_BYTES = (4_096, 262_144)
# In a valid request an element of a top-level array is at this depth: the object, the array, the element.
_ELEMENT_DEPTH = 3


def check_bytes(operation: Operation, body: bytes, limits: EdgeLimits) -> bytes:
    """Return the body without its byte order mark, once it is of acceptable size, encoding, depth and count.

    Raises GatewayError `body_too_large`, `malformed_body`, `too_deep` or `limit_exceeded`.
    """
    if len(body) > limits.body_bytes:
        message = f"The body has {len(body)} bytes and may have {limits.body_bytes}. Send less."
        raise GatewayError(ErrorCode.BODY_TOO_LARGE, message)
    if body.startswith(_BOM_UTF16):
        message = "The body starts with a UTF-16 byte order mark. JSON is sent as UTF-8 (RFC 8259 §8.1)."
        raise GatewayError(ErrorCode.MALFORMED_BODY, message)
    body = body.removeprefix(_BOM)
    # A body with as few brackets as this cannot nest too deep, and most have.
    if body.count(b"{") + body.count(b"[") > limits.depth:
        _check_nesting(operation, body, limits)
    return body


def _check_nesting(operation: Operation, body: bytes, limits: EdgeLimits) -> None:
    # Beginnings first: what was written to hurt rarely hides it, and is then answered after little work.
    for size_bytes in _BEGINNINGS_BYTES:
        if len(body) > size_bytes:
            _check_part(operation, body[:size_bytes], limits, unclosed_arrays=1)
    _check_part(operation, body, limits, unclosed_arrays=0)


def _check_part(operation: Operation, part: bytes, limits: EdgeLimits, *, unclosed_arrays: int) -> None:
    signs = steps(skeleton(part))
    # A run of opening brackets is found at once, before one number for each of them is made.
    if b"\x01" * (limits.depth + 1) in signs:
        raise too_deep(limits)
    if len(signs) > 2 * CONTAINERS_MAX:
        message = f"The body holds more than {CONTAINERS_MAX} objects and arrays. Send less at once."
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, message)
    nesting = depths(signs)
    if max(nesting, default=0) > limits.depth:
        raise too_deep(limits)
    # An element that closes leaves its array's depth behind; so does an array that opens, and when it closes, the
    # object's.
    elements = nesting.count(_ELEMENT_DEPTH - 1) - nesting.count(_ELEMENT_DEPTH - 2) + 1
    if elements - unclosed_arrays > limits.messages + limits.tools:
        raise too_many(LISTED_IN[operation], limits.messages)


def too_deep(limits: EdgeLimits) -> GatewayError:
    """Return the error for a body that nests too deep."""
    message = f"The body nests deeper than {limits.depth} levels. Flatten it, for example the JSON schemas within."
    return GatewayError(ErrorCode.TOO_DEEP, message)


def too_many(param: str, most: int) -> GatewayError:
    """Return the error for a list that is too long."""
    return GatewayError(
        ErrorCode.LIMIT_EXCEEDED, f"'{param}' may have at most {most} elements. Send fewer.", param=param
    )
