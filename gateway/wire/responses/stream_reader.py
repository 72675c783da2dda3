"""The typed events of a response, read as the stream of the chat that says the same.

For a client that speaks this dialect itself, each event goes along with what a chat makes of it (`with_native`).
"""

from typing import Any, Final

import msgspec

from gateway.wire.openai_response import AnswerMalformed
from gateway.wire.responses.reading import (
    BETWEEN_PARTS,
    call_of,
    carries,
    error_of,
    finish_of,
    head_of,
    load,
    object_of,
    odds_of,
    said_in,
    thoughts_in,
    usage_of,
    word_in,
)
from gateway.wire.sse import DONE, EventSplitter, StreamMalformed, data_event, parse_event, with_native

_ENCODE = msgspec.json.Encoder().encode
_EMPTY: Final = (b"", b"[DONE]")
_OWN_WORDS: Final = "response.reasoning_text.delta"
_SUMMARY: Final = "response.reasoning_summary_text.delta"
_PASSED_OVER: Final = frozenset(
    {
        "response.queued",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.refusal.done",
        "response.function_call_arguments.done",
        "response.reasoning_text.done",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.done",
        "keepalive",
    }
)
"""What says nothing new, or is looked at when its item is done."""


class StreamReader:
    """Feed it the stream as it comes, in any pieces; it returns the chat's, `[DONE]` at its end.

    `created_s` is the time now, in seconds since the epoch. `keeps_native` sends the events along.
    """

    def __init__(self, *, created_s: int, keeps_native: bool) -> None:
        self.is_lossless = True
        """What was returned so far says everything that came."""
        self._splitter = EventSplitter()
        self._created_s = created_s
        self._keeps_native = keeps_native
        self._head: dict[str, Any] = {}
        """What all chunks have alike, once the stream has begun."""
        self._opening = b""
        """The beginning of every chunk, which says that."""
        self._told: set[object] = set()
        """Items of the output of which something was told in pieces, by their names."""
        self._calls: dict[object, int] = {}
        """The number of a call, by each of its names."""
        self._count = 0
        self._thinks_by: str | None = None
        self._is_broken = False

    def feed(self, data: bytes) -> bytes:
        """Return the chat's events of what these bytes complete. Raises StreamMalformed for what is no object."""
        self._splitter.push(data)
        return b"".join([self._block(block) for block in self._splitter.events()])

    def _block(self, block: bytes) -> bytes:
        data = parse_event(block).data
        if data is None:
            return block
        # Some servers end the stream as a chat's, behind its last event.
        told = self._event(data) if data.strip() not in _EMPTY else b""
        if not self._keeps_native or self._is_broken:
            return told
        return with_native(told, block)

    def _event(self, payload: bytes) -> bytes:
        try:
            event = load(payload)
        except AnswerMalformed as error:
            raise StreamMalformed("an event's data is not a JSON object") from error
        response = object_of(event.get("response"))
        match event.get("type"):
            case "response.created" | "response.in_progress":
                return self._begin(response)
            case "response.output_text.delta":
                return self._piece(event, "content", odds_of(event))
            case "response.refusal.delta":
                return self._piece(event, "refusal", {})
            case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" as kind:
                return self._thought(event, kind)
            case "response.reasoning_summary_part.added":
                return self._next_part(event)
            case "response.output_item.added":
                return self._item_added(event)
            case "response.function_call_arguments.delta":
                return self._arguments(event, word_in(event, "delta"))
            case "response.output_item.done":
                return self._item_done(event)
            case "response.completed" | "response.incomplete":
                return self._end(response)
            case "response.failed":
                return self._error(object_of(response.get("error")))
            case "error":
                return self._error(event)
            case kind:
                self.is_lossless &= kind in _PASSED_OVER
                return b""

    def _begin(self, response: dict[str, Any]) -> bytes:
        if self._head:
            return b""
        self._head = {**head_of(response, self._created_s), "object": "chat.completion.chunk"}
        self._opening = _ENCODE(self._head)[:-1] + b","
        return self._chunk({"role": "assistant", "content": ""})

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **members: Any) -> bytes:
        begun = b"" if self._head else self._begin({})
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, **members}
        return begun + data_event(b'%b"choices":[%b]}' % (self._opening, _ENCODE(choice)))

    def _piece(self, event: dict[str, Any], kind: str, odds: dict[str, Any]) -> bytes:
        self._told.update(_names(event))
        return self._chunk({kind: word_in(event, "delta")}, **odds)

    def _thought(self, event: dict[str, Any], kind: str) -> bytes:
        self._thinks_by = self._thinks_by or kind
        if kind != self._thinks_by:
            self.is_lossless = False
            return b""
        return self._piece(event, "reasoning_content", {})

    def _next_part(self, event: dict[str, Any]) -> bytes:
        is_first = not event.get("summary_index") or self._thinks_by == _OWN_WORDS
        return b"" if is_first else self._chunk({"reasoning_content": BETWEEN_PARTS})

    def _item_added(self, event: dict[str, Any]) -> bytes:
        item = object_of(event.get("item"))
        if item.get("type") != "function_call":
            return b""
        number, self._count = self._count, self._count + 1
        self._calls.update(dict.fromkeys(_names(event), number))
        return self._chunk({"tool_calls": [{"index": number, **call_of(item, "")}]})

    def _arguments(self, event: dict[str, Any], arguments: str) -> bytes:
        number = next((self._calls[name] for name in _names(event) if name in self._calls), None)
        if number is None:
            self.is_lossless = False
            return b""
        self._told.update(_names(event))
        return self._chunk({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]})

    def _item_done(self, event: dict[str, Any]) -> bytes:
        item, names = object_of(event.get("item")), _names(event)
        self.is_lossless &= carries(item)
        if not self._told.isdisjoint(names):
            return b""
        match item.get("type"):
            case "message":
                return b"".join([self._chunk({kind: words}, **odds_of(part)) for kind, words, part in said_in(item)])
            case "reasoning" if thoughts := thoughts_in(item):
                return self._chunk({"reasoning_content": BETWEEN_PARTS.join(thoughts)})
            case "function_call":
                begun = b"" if any(name in self._calls for name in names) else self._item_added(event)
                arguments = word_in(item, "arguments")
                return begun + (self._arguments(event, arguments) if arguments else b"")
            case _:
                return b""

    def _end(self, response: dict[str, Any]) -> bytes:
        ended = self._chunk({}, finish_of(response, calls=self._count > 0))
        usage = usage_of(response)
        told = b"" if usage is None else _data({**self._head, "choices": [], "usage": usage})
        return ended + told + DONE

    def _error(self, told: dict[str, Any]) -> bytes:
        self._is_broken = True
        return _data(error_of(told))


def _names(event: dict[str, Any]) -> list[object]:
    """Return what tells the event's item from others: its identifier and its place. llama.cpp tells no places."""
    found: list[object] = [
        name for name in (event.get("item_id"), object_of(event.get("item")).get("id")) if isinstance(name, str)
    ]
    place = event.get("output_index")
    if isinstance(place, int):
        found.append(place)
    return found or [0]


def _data(value: dict[str, Any]) -> bytes:
    return data_event(_ENCODE(value))
