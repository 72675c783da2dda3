"""Errors as a client is told them: OpenAI's body, and the headers that its SDKs act on."""

import math
import re
from typing import Any, Final

import msgspec

from gateway.domain.errors import ERRORS, ErrorCode, GatewayError
from gateway.wire.headers import JSON, RETRY_AFTER_HEADER, SHOULD_RETRY_HEADER
from gateway.wire.sse import data_event
from gateway.wire.upstream_error import UpstreamSaid, read_error

RETRY_IS_VAIN: Final = frozenset(
    {
        ErrorCode.INSUFFICIENT_QUOTA,
        ErrorCode.UPSTREAM_REJECTED,
        ErrorCode.COST_CEILING_EXCEEDED,
        ErrorCode.NOT_CACHED,
    }
)
"""Asking again gives the same answer."""
RETRIED_ALREADY: Final = frozenset(
    {
        ErrorCode.UPSTREAM_ERROR,
        ErrorCode.UPSTREAM_TIMEOUT,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.TIER_UNAVAILABLE,
    }
)
"""The gateway has already asked wherever it could; SDKs that ask again at once only add to the load."""

_CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error")
_CONTEXT_WORDS = re.compile(
    r"context (?:length|window|size)|maximum model length|max_model_len|too many (?:input )?tokens"
    r"|prompt is too long|prompt \(?(?:length|contains)"
    # TGI, of the prompt alone and of the prompt with the answer.
    r"|`inputs` must have less than [0-9]|`inputs` tokens \+ `max_new_tokens` must be",
    re.IGNORECASE,
)


def problem(error: GatewayError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body of the response that tells of an error."""
    headers = [(b"content-type", JSON)]
    wait_s = error.retry_after_s
    if wait_s is not None:
        headers.append((RETRY_AFTER_HEADER, b"%d" % math.ceil(wait_s)))
    if error.code in RETRY_IS_VAIN or (error.code in RETRIED_ALREADY and wait_s is None):
        headers.append((SHOULD_RETRY_HEADER, b"false"))
    return error.status, headers, _body(error)


def stream_error(error: GatewayError) -> bytes:
    """Return the event that ends a stream which cannot go on. No `[DONE]` follows it: SDKs then raise."""
    return data_event(_body(error))


def upstream_rejection(status: int, body: bytes) -> GatewayError:
    """Turn a model server's refusal of the request into our own error, in its own words where they are fit to be told.

    `context_length_exceeded` is recognised in any server's words, since a larger tier may help.
    """
    said = _read(body)
    if said is None:
        message = f"The model server rejected the request (status {status}) without a reason that can be told."
        return GatewayError(ErrorCode.UPSTREAM_REJECTED, message, status=status)
    if is_context_length(said):
        return GatewayError(ErrorCode.CONTEXT_LENGTH_EXCEEDED, said.message, param=said.param)
    return GatewayError(ErrorCode.UPSTREAM_REJECTED, said.message, param=said.param, status=status)


def is_context_length(said: UpstreamSaid) -> bool:
    """Tell whether a server says that the prompt is too long for it: OpenAI, vLLM, SGLang and llama.cpp differ."""
    if said.code in _CONTEXT_CODES or said.type in _CONTEXT_CODES:
        return True
    return _CONTEXT_WORDS.search(said.message) is not None


def _read(body: bytes) -> UpstreamSaid | None:
    try:
        return read_error(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _body(error: GatewayError) -> bytes:
    told: dict[str, Any] = {
        "message": error.message,
        "type": ERRORS[error.code].type,
        "param": error.param,
        "code": error.code.value,
    }
    return msgspec.json.encode({"error": told})
