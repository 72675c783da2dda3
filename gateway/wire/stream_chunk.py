"""What a chunk of a stream says, as far as the gateway must know it."""

import json
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.wire.sse import StreamMalformed
from gateway.wire.usage import ReportedUsage, Timings

_T = TypeVar("_T")


# gc=False: these hold no cycles and live for one chunk.
class Delta(Struct, gc=False):
    """What a chat chunk adds. `reasoning` is what newer vLLM calls `reasoning_content`."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Raw] | None = None
    function_call: dict[str, Raw] | None = None
    audio: dict[str, Raw] | None = None


class Choice(Struct, gc=False):
    """One choice of a chunk: `delta` in a chat, `text` in a completion."""

    delta: Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    index: int = 0


class Chunk(Struct, gc=False):
    """One chunk. Null and absent are told apart where that matters."""

    model: str | None = None
    object: str | None = None
    choices: list[Choice] | None = None
    usage: ReportedUsage | UnsetType | None = UNSET
    timings: Timings | None = None
    error: Raw | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(Chunk)


def read_chunk(payload: bytes) -> Chunk:
    """Read a chunk. What has an unexpected type is passed over. Raises StreamMalformed for what is no JSON object."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_leniently(payload)


def bears_content(choice: Choice) -> bool:
    """Tell whether a choice carries part of an answer: a role or an empty text does not."""
    delta = choice.delta
    if choice.text or delta is None:
        return bool(choice.text)
    return bool(
        delta.content
        or delta.reasoning_content
        or delta.tool_calls
        or delta.reasoning
        or delta.refusal
        or delta.function_call
        or delta.audio
    )


def has_tool_call(choice: Choice) -> bool:
    """Tell whether a choice calls a tool, or goes on doing so."""
    return choice.delta is not None and bool(choice.delta.tool_calls or choice.delta.function_call)


def _read_leniently(payload: bytes) -> Chunk:
    """Read what is JSON only to a lenient reader: half a surrogate pair, a torn character, a field of another type."""
    try:
        value = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise StreamMalformed("an event's data is not JSON") from error
    if not isinstance(value, dict):
        raise StreamMalformed("an event's data is not a JSON object")
    chunk = Chunk(model=_text(value.get("model")), object=_text(value.get("object")))
    choices = value.get("choices")
    if isinstance(choices, list):
        chunk.choices = [_choice(choice) for choice in choices if isinstance(choice, dict)]
    usage = _convert(value.get("usage"), ReportedUsage)
    chunk.usage = UNSET if usage is None else usage
    chunk.timings = _convert(value.get("timings"), Timings)
    if "error" in value:
        chunk.error = Raw(json.dumps(value["error"]).encode())
    return chunk


def _choice(choice: dict[str, Any]) -> Choice:
    delta = choice.get("delta")
    return Choice(
        _delta(delta) if isinstance(delta, dict) else None,
        _text(choice.get("text")),
        _text(choice.get("finish_reason")),
        _whole_number(choice.get("index")),
    )


def _delta(delta: dict[str, Any]) -> Delta:
    calls, called, audio = delta.get("tool_calls"), delta.get("function_call"), delta.get("audio")
    return Delta(
        content=_content(delta.get("content")),
        reasoning_content=_text(delta.get("reasoning_content")),
        reasoning=_text(delta.get("reasoning")),
        refusal=_text(delta.get("refusal")),
        tool_calls=[Raw()] if calls else None,
        function_call={"": Raw()} if called else None,
        audio={"": Raw()} if audio else None,
    )


def _content(value: Any) -> str | None:
    # Some servers stream a list of parts; that there are any is all that counts here.
    return "parts" if isinstance(value, list) and value else _text(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole_number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _convert(value: Any, wanted: type[_T]) -> _T | None:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None
