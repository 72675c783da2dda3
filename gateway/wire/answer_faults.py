"""What is wrong with a whole answer that its server thought well of: a refusal, nothing at all, or not what was asked.

Looked for only on routes that would rather ask a stronger tier then, since it takes a second reading of both bodies.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.outcome import FailureKind
from gateway.wire.json_schema import fits

_JSON_FORMATS: Final = frozenset({"json_object", "json_schema"})


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """What is wrong, and how to say it."""

    kind: FailureKind
    told: str


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: Any = None


class _Call(Struct, gc=False):
    function: _Function | None = None


class _Message(Struct, gc=False):
    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: Any = None


class _Choice(Struct, gc=False):
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Answer(Struct, gc=False):
    choices: list[_Choice] | None = None


class _Schema(Struct, gc=False):
    schema: Raw | UnsetType = UNSET


class _Format(Struct, gc=False):
    type: str | None = None
    json_schema: _Schema | None = None


class _Asked(Struct, gc=False):
    tools: list[_Call] | None = None
    functions: list[_Function] | None = None
    response_format: _Format | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_ASKED = msgspec.json.Decoder(_Asked)


def find_fault(answer: bytes, request: bytes, wanted: Collection[FailureKind]) -> AnswerFault | None:
    """Return the first fault of a kind that is wanted. What cannot be read has none: it was found to be an answer."""
    try:
        choices, asked = _ANSWER.decode(answer).choices or (), _ASKED.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = (fault for choice in choices for fault in _faults(choice, asked))
    return next((fault for fault in found if fault.kind in wanted), None)


def _faults(choice: _Choice, asked: _Asked) -> Iterator[AnswerFault]:
    message = choice.message or _Message()
    calls = [call.function or _Function() for call in message.tool_calls or ()]
    if message.function_call is not None:
        calls.append(message.function_call)
    if choice.finish_reason == "content_filter" or message.refusal:
        yield AnswerFault(FailureKind.REFUSAL, "it declined to answer")
    elif not (choice.text or _says_something(message.content) or calls or message.audio):
        yield AnswerFault(FailureKind.EMPTY, "its answer has nothing in it")
    if calls:
        yield from _in_calls(calls, asked)
    elif choice.finish_reason != "length":
        # What was cut off by the caller's own limit would be cut off elsewhere, too.
        yield from _in_json(message.content, asked.response_format)


def _says_something(content: Any) -> bool:
    return bool(content.strip() if isinstance(content, str) else content)


def _in_calls(calls: list[_Function], asked: _Asked) -> Iterator[AnswerFault]:
    tools = [tool.function or _Function() for tool in asked.tools or ()]
    offered = {function.name for function in (*tools, *(asked.functions or ()))}
    for call in calls:
        if call.name not in offered:
            yield AnswerFault(FailureKind.BROKEN_TOOL_CALL, "it calls a tool that was not offered")
        elif not _is_object(call.arguments):
            yield AnswerFault(FailureKind.BROKEN_TOOL_CALL, "it calls a tool with arguments that are no JSON object")


def _is_object(arguments: Any) -> bool:
    # Without arguments, some servers send an empty text.
    return arguments == "" or isinstance(_decoded(arguments), dict)


def _in_json(content: Any, wanted: _Format | None) -> Iterator[AnswerFault]:
    if wanted is None or wanted.type not in _JSON_FORMATS or not isinstance(content, str):
        return
    value = _decoded(content)
    if value is UNSET:
        yield AnswerFault(FailureKind.INVALID_JSON, "its answer is not JSON")
    elif wanted.json_schema is not None and not _fits(value, wanted.json_schema.schema):
        yield AnswerFault(FailureKind.INVALID_JSON, "its answer does not fit the schema")


def _fits(value: Any, schema: Any) -> bool:
    return not isinstance(schema, Raw) or fits(value, bytes(schema))


def _decoded(text: Any) -> Any:
    """Decode a text; UNSET where it is no JSON, or no text."""
    if not isinstance(text, str):
        return UNSET
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return UNSET
