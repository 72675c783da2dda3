"""What is read of a chat's answer, whole or in chunks, in order to tell it as a response."""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.wire.responses.lenient import load_leniently
from gateway.wire.usage import ReportedUsage

_S = TypeVar("_S", bound=Struct)


# gc=False throughout: these hold no cycles, and live for one answer or chunk.
class Function(Struct, gc=False):
    """Which function is called with what, or the next piece of it."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Call(Struct, gc=False):
    """A call of a function, or its next piece."""

    id: str | None = None
    function: Function | None = None
    index: int | None = None


class Said(Struct, gc=False):
    """A message, or what a chunk adds to it. `reasoning` is what newer vLLM calls `reasoning_content`."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None


class Logprobs(Struct, gc=False):
    """How likely each token was."""

    content: list[Any] | None = None


class Choice(Struct, gc=False):
    """The answer: servers that are asked by a response are asked for one."""

    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class ChatAnswer(Struct, gc=False):
    """A whole answer, or a chunk of one."""

    id: str | None = None
    object: str | None = None
    created: int | float | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: ReportedUsage | None = None
    error: Raw | UnsetType = UNSET


_NESTED: Final[dict[str, type[Struct]]] = {
    "choices": Choice,
    "message": Said,
    "delta": Said,
    "tool_calls": Call,
    "function": Function,
    "logprobs": Logprobs,
    "usage": ReportedUsage,
}
_DECODER = msgspec.json.Decoder(ChatAnswer)


def read_chat(payload: bytes) -> ChatAnswer:
    """Read an answer or a chunk. What has an unexpected type is passed over, as where it is read elsewhere."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _soften(load_leniently(payload) or {}, ChatAnswer)


def text_of(content: str | list[Any] | None) -> str:
    """Return a message's text, which some servers give in parts."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content or ""


def arguments_of(function: Function) -> str:
    """Return a call's arguments as JSON text, which some servers give as the object itself."""
    given = function.arguments
    return msgspec.json.encode(given).decode() if isinstance(given, dict) else given or ""


def _soften(value: dict[str, Any], wanted: type[_S]) -> _S:
    members: dict[str, Any] = {}
    for field in msgspec.structs.fields(wanted):
        given = value.get(field.name)
        inner = _NESTED.get(field.name)
        try:
            members[field.name] = msgspec.convert(given, field.type)
        except msgspec.ValidationError:
            if inner is not None and isinstance(given, dict):
                members[field.name] = _soften(given, inner)
            elif inner is not None and isinstance(given, list):
                members[field.name] = [_soften(each, inner) for each in given if isinstance(each, dict)]
    return wanted(**members)
