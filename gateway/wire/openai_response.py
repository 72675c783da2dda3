"""What a whole answer says, as far as the gateway must know it. The answer itself goes on as it came."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.usage import TokenUsage
from gateway.wire.upstream_error import read_error
from gateway.wire.usage import ReportedUsage, Timings, usage_from, usage_from_timings


class AnswerMalformed(ValueError):
    """A 2xx whose body is no answer: not JSON, or without anything in it."""


@dataclass(slots=True)
class Answer:
    """What was found. `error` is the server's own, where it sent one in place of an answer."""

    model: str | None = None
    usage: TokenUsage | None = None
    finish_reasons: tuple[str, ...] = ()
    has_tool_calls: bool = False
    error: str | None = None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; of several choices, the first reason that is not `stop`."""
        return next(
            (reason for reason in self.finish_reasons if reason != "stop"), next(iter(self.finish_reasons), None)
        )


# gc=False: these hold no cycles and live for one answer.
class _Message(Struct, gc=False):
    tool_calls: list[Raw] | None = None
    function_call: dict[str, Raw] | None = None


class _Choice(Struct, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None


class _Body(Struct, gc=False):
    model: str | None = None
    choices: list[_Choice] | None = None
    data: Raw | UnsetType = UNSET
    answers: Raw | UnsetType = UNSET
    results: Raw | UnsetType = UNSET
    usage: ReportedUsage | None = None
    timings: Timings | None = None
    error: Raw | UnsetType = UNSET
    object: str | None = None


_DECODER = msgspec.json.Decoder(_Body)


def read_answer(body: bytes) -> Answer:
    """Read the answer to a request of any operation. Raises AnswerMalformed."""
    try:
        read = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read = _read_leniently(body)
    is_empty = not (read.choices or read.data or read.answers or read.results)
    if read.object == "error" or read.error is not UNSET or is_empty:
        said = read_error(_loads(body))
        if said is not None:
            return Answer(error=said.message)
    if is_empty:
        raise AnswerMalformed("the answer has neither choices nor data nor answers nor results")
    choices = read.choices or []
    messages = [choice.message for choice in choices if choice.message is not None]
    return Answer(
        model=read.model,
        usage=_usage(read),
        finish_reasons=tuple([choice.finish_reason for choice in choices if choice.finish_reason]),
        has_tool_calls=any(message.tool_calls or message.function_call for message in messages),
    )


def _usage(read: _Body) -> TokenUsage | None:
    usage = None if read.usage is None else usage_from(read.usage)
    if usage is None and read.timings is not None:
        return usage_from_timings(read.timings)
    return usage


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise AnswerMalformed("the answer is not JSON") from error


def _read_leniently(body: bytes) -> _Body:
    """Read what is JSON only to a lenient reader (NaN, half a surrogate pair), or has a field of another type."""
    value = _loads(body)
    if not isinstance(value, dict):
        raise AnswerMalformed("the answer is not a JSON object")
    members = {name: _convert(value.get(name), type_) for name, type_ in _LENIENT.items()}
    read = _Body(**members)
    choices = value.get("choices")
    if isinstance(choices, list):
        read.choices = [_convert(choice, _Choice) or _Choice() for choice in choices]
    if value.get("data") or value.get("answers") or value.get("results"):
        read.data = Raw(b"[]")
    if "error" in value:
        read.error = Raw(b"null")
    return read


_LENIENT: dict[str, Any] = {
    "model": str | None,
    "object": str | None,
    "usage": ReportedUsage | None,
    "timings": Timings | None,
}


def _convert(value: Any, wanted: Any) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None
