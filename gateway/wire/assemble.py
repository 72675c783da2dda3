"""A finished stream, put together to the whole answer: how a streamed answer can be kept like any other.

Most chunks differ from the one before in their text alone. Such a chunk is known by the bytes before and behind its
text, and of it only the text is read.
"""

from typing import Any, Final

import msgspec

from gateway.domain.usage import TokenUsage
from gateway.wire.sse import StreamMalformed, decode_data
from gateway.wire.text_run import TextRun, run_after
from gateway.wire.usage import usage_object

_DONE: Final = b"[DONE]"
# Texts that a server repeats rather than continues.
_WHOLE: Final = frozenset({"role", "id", "type", "name", "finish_reason", "model", "object", "service_tier", "format"})
_DECODER = msgspec.json.Decoder(dict[str, Any])


def assemble(stream: bytes, usage: TokenUsage | None = None) -> bytes | None:
    """Put a stream's chunks together to the answer that the server would have given unstreamed.

    `usage` fills in where the stream has none. None where there is no whole answer in it: it is damaged, it broke off
    with an error, or a choice has no `finish_reason`.
    """
    whole = _Whole()
    try:
        for data in decode_data(stream):
            if whole.run is not None and whole.run.takes(data):
                continue
            whole.end_run()
            payload = data.strip()
            if payload == _DONE:
                break
            if payload:
                chunk = _DECODER.decode(payload)
                whole.run = run_after(data, chunk)
                whole.add(chunk)
        whole.end_run()
        return whole.body(usage)
    except (StreamMalformed, msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Unlike):
        return None


class _Unlike(ValueError):
    """A chunk that is none, or that contradicts the ones before."""


class _Whole:
    def __init__(self) -> None:
        self.run: TextRun | None = None
        self._common: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Any = None

    def add(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error") is not None or chunk.get("object") == "error":
            raise _Unlike("the stream ends with an error")
        choices = _list_of(chunk.pop("choices", None))
        self._usage = chunk.pop("usage", None) or self._usage
        for name, value in chunk.items():
            if value is not None or name not in self._common:
                self._common[name] = value
        for choice in choices:
            index = choice.pop("index", 0) if isinstance(choice, dict) else None
            if not isinstance(index, int):
                raise _Unlike("a choice is no object, or its index no number")
            self._choices.setdefault(index, _Choice()).add(choice)

    def end_run(self) -> None:
        if self.run is not None:
            self.add(self.run.chunk())
            self.run = None

    def body(self, usage: TokenUsage | None) -> bytes | None:
        choices = [choice.whole(index) for index, choice in sorted(self._choices.items())]
        if not choices or any(choice.get("finish_reason") is None for choice in choices):
            return None
        is_chat = any("message" in choice for choice in choices)
        answer = {**self._common, "object": "chat.completion" if is_chat else "text_completion", "choices": choices}
        if self._usage is not None:
            answer["usage"] = self._usage
        elif usage is not None:
            answer["usage"] = usage_object(usage)
        return msgspec.json.encode(answer)


class _Choice:
    """One choice under way. Tool calls are numbered while they are streamed, and a plain list in an answer."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._message: dict[str, Any] | None = None
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, choice: dict[str, Any]) -> None:
        delta = choice.pop("delta", None)
        if isinstance(delta, dict):
            self._message = {} if self._message is None else self._message
            for call in _list_of(delta.get("tool_calls")):
                self._add_call(call)
            if self._calls:
                delta["tool_calls"] = None
            _merge(self._message, delta)
        _merge(self._members, choice)

    def whole(self, index: int) -> dict[str, Any]:
        members = _joined(self._members)
        if self._message is None:
            return {"index": index, **members}
        message = _joined(self._message)
        if self._calls:
            message["tool_calls"] = [_joined(call) for _, call in sorted(self._calls.items())]
        return {"index": index, "message": message, **members}

    def _add_call(self, call: Any) -> None:
        index = call.pop("index", len(self._calls)) if isinstance(call, dict) else None
        if not isinstance(index, int):
            raise _Unlike("a tool call is no object, or its index no number")
        _merge(self._calls.setdefault(index, {}), call)


class _Pieces(list[str]):
    """A text under way, joined once at the end."""


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Continue texts and lists, descend into objects, and let anything else replace what was there."""
    for name, value in more.items():
        before = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif isinstance(before, _Pieces) and isinstance(value, str):
            before.append(value)
        elif isinstance(before, str) and isinstance(value, str) and name not in _WHOLE:
            into[name] = _Pieces([before, value])
        elif isinstance(before, list) and isinstance(value, list):
            before.extend(value)
        elif isinstance(before, dict) and isinstance(value, dict):
            _merge(before, value)
        else:
            into[name] = value


def _list_of(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise _Unlike("one thing where a list should be")
    return value or []


def _joined(members: dict[str, Any]) -> dict[str, Any]:
    """Join the texts, in place, within objects that were merged."""
    for name, value in members.items():
        if isinstance(value, _Pieces):
            members[name] = "".join(value)
        elif isinstance(value, dict):
            _joined(value)
    return members
