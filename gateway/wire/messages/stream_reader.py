"""A stream of the Messages API, read as that of the chat that says the same.

For a client that speaks this dialect itself, each event goes along with what a chat makes of it (`with_native`): its
writer passes it on as it came.
"""

from typing import Any

import msgspec

from gateway.wire.messages.said import Block, Delta, Event, Message, Tokens, chat_usage, finish, is_known_end, updated
from gateway.wire.sse import DONE, EventSplitter, StreamMalformed, data_event, parse_event, with_native

_DECODER = msgspec.json.Decoder(Event)
_ENCODE = msgspec.json.Encoder().encode


class StreamReader:
    """Feed it a message's stream, in pieces of any size; it returns the chat's, `[DONE]` at its end.

    `created_s` is the time now, in seconds since the epoch. `keeps_native` sends the events along.
    """

    def __init__(self, *, created_s: int, keeps_native: bool) -> None:
        self.is_lossless = True
        """Nothing came yet that a chat cannot say."""
        self._splitter = EventSplitter()
        self._keeps_native = keeps_native
        self._head: dict[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": created_s, "model": ""}
        self._tokens = Tokens()
        self._calls: dict[int, int] = {}
        """Place of a block that calls a tool to the number of its call."""
        self._bare: set[int] = set()
        """Calls of which no arguments have come."""

    def feed(self, data: bytes) -> bytes:
        """Return the chat's events of what these bytes complete. Raises StreamMalformed."""
        self._splitter.push(data)
        return b"".join([self._tell(block) for block in self._splitter.events()])

    def _tell(self, block: bytes) -> bytes:
        payload = parse_event(block).data
        if payload is None:
            return block
        try:
            event = _DECODER.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StreamMalformed("an event's data is none of a message's stream") from error
        if event.type == "error":
            return data_event(_ENCODE({"error": event.error}))
        if event.type == "message_stop":
            return DONE
        told = b"".join([data_event(_ENCODE({**self._head, **chunk})) for chunk in self._chunks(event)])
        return with_native(told, block) if self._keeps_native else told

    def _chunks(self, event: Event) -> list[dict[str, Any]]:
        """Return the members of the chunks that say the same."""
        delta: dict[str, Any] | None = None
        if event.type == "message_start" and event.message is not None:
            delta = self._begin(event.message)
        elif event.type == "content_block_start" and event.content_block is not None:
            delta = self._start(event.index, event.content_block)
        elif event.type == "content_block_delta" and event.delta is not None:
            delta = self._add(event.index, event.delta)
        elif event.type == "content_block_stop":
            delta = self._stop(event.index)
        elif event.type == "message_delta" and event.delta is not None:
            return self._end(event.delta, event.usage)
        elif event.type != "ping":
            self.is_lossless = False
        return [] if delta is None else [_chunk(delta, {"finish_reason": None})]

    def _begin(self, message: Message) -> dict[str, Any]:
        self._head |= {"id": message.id, "model": message.model}
        updated(self._tokens, message.usage)
        return {"role": "assistant", "content": ""}

    def _start(self, index: int, block: Block) -> dict[str, Any] | None:
        if block.type == "tool_use":
            call = self._calls[index] = len(self._calls)
            self._bare.add(index)
            function = {"name": block.name, "arguments": ""}
            return {"tool_calls": [{"index": call, "id": block.id, "type": "function", "function": function}]}
        if block.type not in ("text", "thinking"):
            self.is_lossless = False
        return {"content": block.text} if block.text else None

    def _add(self, index: int, delta: Delta) -> dict[str, Any] | None:
        if delta.type == "text_delta":
            return {"content": delta.text}
        if delta.type == "thinking_delta":
            return {"reasoning_content": delta.thinking}
        if delta.type == "input_json_delta" and index in self._calls:
            if delta.partial_json:
                self._bare.discard(index)
            return _arguments(self._calls[index], delta.partial_json)
        # A signature, a citation, what a tool of the server's own is given.
        self.is_lossless = False
        return None

    def _stop(self, index: int) -> dict[str, Any] | None:
        """Give a call that has no arguments the empty object that a chat's clients read."""
        if index not in self._bare:
            return None
        self._bare.remove(index)
        return _arguments(self._calls[index], "{}")

    def _end(self, delta: Delta, usage: Tokens | None) -> list[dict[str, Any]]:
        self.is_lossless = self.is_lossless and is_known_end(delta.stop_reason)
        tokens = chat_usage(updated(self._tokens, usage))
        return [_chunk({}, finish(delta.stop_reason, delta.stop_sequence)), {"choices": [], "usage": tokens}]


def _chunk(delta: dict[str, Any], ending: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **ending}]}


def _arguments(call: int, piece: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": call, "function": {"arguments": piece}}]}
