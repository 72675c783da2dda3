"""A chat's stream, told as the events of a message while it comes: what a client of Anthropic's API reads.

    message_start → for each block: content_block_start, content_block_delta …, content_block_stop
    → message_delta (why it ended, what it used) → message_stop; ping and error in between

A chat says at its end what it used, so `message_start` has zeros there, and `message_delta` the counts. Where a server
of this dialect gave the answer, its own events come along with the chat's, and are passed on as they came.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import UNSET

from gateway.domain.usage import TokenUsage
from gateway.wire.chat_stream import ChatStream
from gateway.wire.messages.answer import text_of
from gateway.wire.messages.errors import error_event_from_chat
from gateway.wire.messages.events import MESSAGE_STOP, PING, named_event
from gateway.wire.messages.stops import stop_of
from gateway.wire.messages.stream_chunk import Call, Choice, Chunk, read_chunk
from gateway.wire.messages.tokens import tokens_of
from gateway.wire.sse import DONE, is_one_line, native_of, parse_event
from gateway.wire.usage import usage_from, widest

_DATA, _END, _DONE = b"data: ", b"\n\n", b"[DONE]"
_DELTAS: Final = {
    "text": b'{"type":"text_delta","text":%b}',
    "thinking": b'{"type":"thinking_delta","thinking":%b}',
    "tool_use": b'{"type":"input_json_delta","partial_json":%b}',
}
_BEFORE: Final = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":"'
)
_BEHIND: Final = b'"}}\n\n'
_EMPTY: Final[dict[str, dict[str, object]]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_ENCODE = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _CallUnderWay:
    """A call of a tool. `held` is what came of its arguments before its name; `block` is its place once it has that."""

    id: str
    name: str = ""
    held: list[str] = field(default_factory=list)
    block: int | None = None


class StreamWriter:
    """Feed it a chat's stream, in pieces of any size, `[DONE]` or an error at its end; send on what it returns."""

    def __init__(self) -> None:
        self._chat = ChatStream()
        self._begun = False
        self._is_over = False
        self._is_native = False
        """The events come from a server of this dialect."""
        self._blocks = 0
        """Blocks begun so far; the last of them may be open."""
        self._kind: str | None = None
        """Of the block that is open."""
        self._calls: dict[int, _CallUnderWay] = {}
        self._pieces = 0
        self._usage: TokenUsage | None = None
        self._finish_reason: str | None = None
        self._matched: object = None
        self._refuses = False

    def feed(self, data: bytes) -> bytes:
        """Return the events that these bytes complete."""
        return self._chat.feed(data, self)

    @property
    def is_mid_text(self) -> bool:
        """Tell whether a block of text is open."""
        return self._kind == "text"

    def say_on(self, texts: list[bytes]) -> bytes:
        """Write the next pieces of that text, as JSON spells them without an escape."""
        self._pieces += len(texts)
        before = _BEFORE % (self._blocks - 1)
        return before + (_BEHIND + before).join(texts) + _BEHIND

    def tell(self, event: bytes) -> bytes:
        """Write one event."""
        if is_one_line(event):
            return self._tell(event[len(_DATA) : -len(_END)])
        if event == DONE:
            return self._end()
        native = native_of(event)
        if native is not None:
            self._is_native = True
            return native
        payload = parse_event(event).data
        return PING if payload is None else self._tell(payload.strip())

    def _tell(self, payload: bytes) -> bytes:
        if payload == _DONE:
            return self._end()
        chunk = read_chunk(payload)
        if chunk.error is not UNSET and bytes(chunk.error) != b"null":
            self._is_over = True
            return error_event_from_chat(payload)
        if self._is_native:
            return b""
        if chunk.usage is not None:
            self._usage = widest(self._usage, usage_from(chunk.usage))
        told = b"" if self._begun else self._begin(chunk)
        for choice in chunk.choices or ():
            if choice.index == 0:
                told += self._tell_choice(choice)
        return told

    def _begin(self, chunk: Chunk) -> bytes:
        self._begun = True
        message: dict[str, object] = {
            "id": chunk.id or "msg_unnamed",
            "type": "message",
            "role": "assistant",
            "model": chunk.model or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": tokens_of(self._usage),
        }
        return named_event(b"message_start", _ENCODE({"type": "message_start", "message": message}))

    def _tell_choice(self, choice: Choice) -> bytes:
        if choice.finish_reason:
            self._finish_reason, self._matched = choice.finish_reason, choice.stop_reason
        delta = choice.delta
        if delta is None:
            return b""
        told = b""
        if thought := delta.reasoning_content or delta.reasoning:
            told += self._say("thinking", thought)
        if delta.content and (text := text_of(delta.content)):
            told += self._say("text", text)
        if delta.refusal:
            self._refuses = True
            told += self._say("text", delta.refusal)
        for call in delta.tool_calls or ():
            told += self._call(call)
        return told

    def _say(self, kind: str, text: str) -> bytes:
        told = b"" if self._kind == kind else self._open(kind, _EMPTY[kind])
        return told + self._delta(self._blocks - 1, kind, text)

    def _call(self, call: Call) -> bytes:
        function, known = call.function, self._calls.get(call.index)
        name, arguments = (None, None) if function is None else (function.name, function.arguments)
        if known is None or (name and call.id and call.id != known.id and known.block is not None):
            # Some servers give every call the same number: another id with a name is another call.
            known = self._calls[call.index] = _CallUnderWay(call.id or f"call_{len(self._calls)}")
        if known.block is not None:
            return self._delta(known.block, "tool_use", arguments) if arguments else b""
        known.name += name or ""
        known.held.append(arguments or "")
        if not known.name:
            return b""
        told = self._open("tool_use", {"type": "tool_use", "id": known.id, "name": known.name, "input": {}})
        known.block = self._blocks - 1
        held = "".join(known.held)
        return told + self._delta(known.block, "tool_use", held) if held else told

    def _open(self, kind: str, block: dict[str, object]) -> bytes:
        closed = self._close()
        self._kind, at = kind, self._blocks
        self._blocks += 1
        start = {"type": "content_block_start", "index": at, "content_block": block}
        return closed + named_event(b"content_block_start", _ENCODE(start))

    def _close(self) -> bytes:
        if self._kind is None:
            return b""
        self._kind = None
        return named_event(b"content_block_stop", b'{"type":"content_block_stop","index":%d}' % (self._blocks - 1))

    def _delta(self, at: int, kind: str, text: str) -> bytes:
        self._pieces += 1
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n' % (
            at,
            _DELTAS[kind] % _ENCODE(text),
        )

    def _end(self) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        if self._is_native:
            return MESSAGE_STOP
        told = b"" if self._begun else self._begin(Chunk())
        told += self._close()
        calls = any(call.block is not None for call in self._calls.values())
        reason, sequence = stop_of(self._finish_reason, self._matched, calls=calls, refuses=self._refuses)
        # A server that does not say what its answer used is counted: a piece is about a token.
        usage = {"output_tokens": self._pieces} if self._usage is None else tokens_of(self._usage)
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        told += named_event(b"message_delta", _ENCODE({"type": "message_delta", "delta": delta, "usage": usage}))
        return told + MESSAGE_STOP
