"""What a chunk of a chat's stream says, as far as a message can tell it."""

import json
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.wire.usage import ReportedUsage


# gc=False: these hold no cycles and live for one chunk.
class Function(Struct, gc=False):
    """A piece of a call."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct, gc=False):
    """A call under way; `index` tells it from others of the same answer."""

    index: int = 0
    id: str | None = None
    function: Function | None = None


class Delta(Struct, gc=False):
    """What a chunk adds."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None


class Choice(Struct, gc=False):
    """One choice of a chunk. `stop_reason` is vLLM's."""

    delta: Delta | None = None
    finish_reason: str | None = None
    index: int = 0
    stop_reason: Any = None


class Chunk(Struct, gc=False):
    """One chunk."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: ReportedUsage | None = None
    error: Raw | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(Chunk)


def read_chunk(payload: bytes) -> Chunk:
    """Read a chunk that the scanner let pass. What has an unexpected type in it is passed over."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = json.dumps(json.loads(payload.decode("utf-8", "replace")), ensure_ascii=False)
        chunk: Chunk = _convert(json.loads(text.encode("utf-8", "replace")), Chunk)
        return chunk


def _convert(value: Any, kind: type[Struct]) -> Any:
    """Make a struct of an object, and of its members those that have the type they should have."""
    if not isinstance(value, dict):
        return kind()
    members = {}
    for field in msgspec.structs.fields(kind):
        part = value.get(field.name)
        if isinstance(part, dict) and field.name in _PARTS:
            members[field.name] = _convert(part, _PARTS[field.name])
        elif isinstance(part, list) and field.name in _LISTS:
            members[field.name] = [_convert(each, _LISTS[field.name]) for each in part]
        elif isinstance(part, str | int | list):
            with suppress(msgspec.ValidationError):
                members[field.name] = msgspec.convert(part, field.type)
    return kind(**members)


_LISTS: dict[str, type[Struct]] = {"choices": Choice, "tool_calls": Call}
_PARTS: dict[str, type[Struct]] = {"delta": Delta, "function": Function, "usage": ReportedUsage}
