"""Errors as clients of the Responses API are told them: the body is the same as a chat's, the event is not."""

from typing import Any, Final

import msgspec

_PARAMS: Final = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
}
"""Members of the chat that a request was translated into, and what its sender wrote instead."""
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def error_from_chat(body: bytes) -> bytes:
    """Name the member at fault by the name that the client knows. `body` must be one of our own errors."""
    error = _OBJECT.decode(body)["error"]
    # The places within a member are the chat's own, so they say nothing of what the client sent.
    renamed = _PARAMS.get((error["param"] or "").partition(".")[0])
    return body if renamed is None else msgspec.json.encode({"error": {**error, "param": renamed}})


def error_event(payload: bytes, sequence_number: int) -> bytes:
    """Write the event that ends a stream which cannot go on; `payload` is the chat's.

    Its members are what OpenAI documents; `error`, which OpenAI sends besides, is what its Python client raises for.
    """
    error = _OBJECT.decode(error_from_chat(payload))["error"]
    told = {name: error[name] for name in ("code", "message", "param")}
    members = {"type": "error", "sequence_number": sequence_number, **told, "error": error}
    return b"event: error\ndata: " + msgspec.json.encode(members) + b"\n\n"


def response_error(payload: bytes) -> bytes:
    """Return why a response failed, as its member `error` says it: codes there are OpenAI's own few."""
    message = _OBJECT.decode(payload)["error"]["message"]
    return msgspec.json.encode({"code": "server_error", "message": message})


def sequence_number(payload: bytes) -> int:
    """Return the number of an event that a server of the Responses API sent; 0 where it has none."""
    try:
        number = _OBJECT.decode(payload).get("sequence_number")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    return number if isinstance(number, int) else 0
