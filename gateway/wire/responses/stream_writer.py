"""A chat's stream, told as the typed events of a response.

A thought or a message is over when something else begins; a call of a function when the answer is, since a chat may go
back to one. Where a server of this dialect gave the answer, its own events come along with the chat's
(`native_of`), and are passed on as they came.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from gateway.domain.usage import TokenUsage
from gateway.wire.chat_stream import ChatStream
from gateway.wire.responses.chat import (
    Call,
    ChatAnswer,
    Choice,
    Function,
    Logprobs,
    Said,
    arguments_of,
    read_chat,
    text_of,
)
from gateway.wire.responses.errors import error_event, response_error, sequence_number
from gateway.wire.responses.open_items import Events, OpenCall, OpenMessage, OpenThought
from gateway.wire.responses.output import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    Names,
    ended,
    reported,
    response,
    token_odds,
)
from gateway.wire.sse import DONE, is_one_line, native_of, parse_event
from gateway.wire.usage import widest

_DATA, _END = b"data: ", b"\n\n"
_DONE = b"[DONE]"
_NULL = b"null"


class StreamWriter:
    """Feed it a chat's events as they go out; send what it returns. `echo` is what the response repeats (`echo.py`)."""

    def __init__(self, echo: bytes) -> None:
        self._echo = echo
        self._events = Events()
        self._chat = ChatStream()
        self._names: Names | None = None
        self._created: float | None = None
        self._model: str | None = None
        self._output: list[bytes] = []
        self._speech: OpenThought | OpenMessage | None = None
        self._calls: dict[int, OpenCall] = {}
        self._finish_reason: str | None = None
        self._usage: TokenUsage | None = None
        self._last_passed: bytes | None = None
        self._message: OpenMessage | None = None
        """That of `_speech`, while its text is under way."""

    def feed(self, data: bytes) -> bytes:
        """Translate what completes an event. Never raises."""
        return self._chat.feed(data, self)

    @property
    def is_mid_text(self) -> bool:
        """Tell whether a text is under way."""
        return self._message is not None

    def say_on(self, texts: list[bytes]) -> bytes:
        """Write the next pieces of that text, as JSON spells them without an escape."""
        assert self._message is not None, "a text is under way"
        return self._message.say_as_spelt(texts)

    def tell(self, event: bytes) -> bytes:
        """Translate one event."""
        if is_one_line(event):
            return self._chunk(event[len(_DATA) : -len(_END)])
        if event == DONE:
            return self._end()
        native = native_of(event)
        if native is not None:
            self._last_passed = parse_event(native).data or self._last_passed
            return native
        data = parse_event(event).data
        if data is None:
            return event
        payload = data.strip()
        if payload == _DONE:
            return self._end()
        return self._chunk(payload) if payload else b""

    def _chunk(self, payload: bytes) -> bytes:
        read = read_chat(payload)
        if read.error is not UNSET and bytes(read.error) != _NULL:
            return self._fail(payload)
        if self._last_passed is not None:
            return b""
        begun = self._begin(read) if self._names is None else b""
        if read.usage is not None:
            self._usage = widest(self._usage, reported(read.usage))
        return begun + self._choice(read.choices[0]) if read.choices else begun

    def _begin(self, read: ChatAnswer) -> bytes:
        self._names, self._created, self._model = Names(read.id), read.created, read.model
        begun = b'"response":' + self._response(IN_PROGRESS)
        return self._events.write(b"response.created", begun) + self._events.write(b"response.in_progress", begun)

    def _choice(self, choice: Choice) -> bytes:
        said = choice.delta
        told = b"" if said is None else self._said(said, choice.logprobs)
        if choice.finish_reason:
            self._finish_reason = choice.finish_reason
            told += self._close_all()
        return told

    def _said(self, said: Said, logprobs: Logprobs | None) -> bytes:
        told = []
        if thought := said.reasoning_content or said.reasoning:
            told.append(self._think(thought))
        if text := text_of(said.content):
            told.append(self._speak(text, token_odds(logprobs.content) if logprobs is not None else ()))
        if said.refusal:
            told.append(self._refuse(said.refusal))
        told += [self._call(call) for call in said.tool_calls or ()]
        return b"".join(told)

    def _think(self, text: str) -> bytes:
        if isinstance(self._speech, OpenThought):
            return self._speech.add(text)
        closed = self._close_speech(COMPLETED)
        thought = self._speech = OpenThought(self._events, *self._next("rs"))
        return closed + thought.begin() + thought.add(text)

    def _speak(self, text: str, odds: Sequence[Any]) -> bytes:
        closed, message = (b"", self._speech) if isinstance(self._speech, OpenMessage) else self._open_message()
        self._message = message
        return closed + message.say(text, odds)

    def _refuse(self, text: str) -> bytes:
        self._message = None
        if isinstance(self._speech, OpenMessage):
            return self._speech.refuse(text)
        closed, message = self._open_message()
        return closed + message.refuse(text)

    def _open_message(self) -> tuple[bytes, OpenMessage]:
        closed = self._close_speech(COMPLETED)
        message = self._speech = OpenMessage(self._events, *self._next("msg"))
        return closed + message.begin(), message

    def _call(self, piece: Call) -> bytes:
        function = piece.function or Function()
        number = piece.index
        if number is None:
            # Servers that number no calls name each where it begins.
            number = len(self._calls) - (not function.name and bool(self._calls))
        told = b""
        call = self._calls.get(number)
        if call is None:
            closed = self._close_speech(COMPLETED)
            name, index = self._next("fc")
            call = OpenCall(self._events, name, index, piece.id or "", function.name or "")
            self._calls[number] = call
            told = closed + call.begin()
        arguments = arguments_of(function)
        return told + call.add(arguments) if arguments else told

    def _next(self, kind: str) -> tuple[bytes, int]:
        """Return the name of the next item, and its place, which is kept for it."""
        assert self._names is not None, "a chunk begins the response before its items"
        index = len(self._output)
        self._output.append(b"")
        return self._names.item(kind, index), index

    def _close_speech(self, status: bytes) -> bytes:
        speech = self._speech
        if speech is None:
            return b""
        self._speech = self._message = None
        return self._close(speech, status)

    def _close_all(self) -> bytes:
        """Close what is open. Of an answer that is cut off, the last item is the incomplete one."""
        status, _ = ended(self._finish_reason)
        calls = list(self._calls.values())
        self._calls.clear()
        told = [self._close_speech(status)]
        told += [self._close(call, COMPLETED if call is not calls[-1] else status) for call in calls]
        return b"".join(told)

    def _close(self, item: OpenThought | OpenMessage | OpenCall, status: bytes) -> bytes:
        told = item.close(status)
        self._output[item.index] = item.written
        return told

    def _end(self) -> bytes:
        if self._last_passed is not None:
            return b""
        begun = self._begin(ChatAnswer()) if self._names is None else b""
        closed = self._close_all()
        status, why = ended(self._finish_reason)
        whole = b'"response":' + self._response(status, why_incomplete=why)
        return begun + closed + self._events.write(b"response." + status, whole)

    def _fail(self, payload: bytes) -> bytes:
        """Tell that the answer broke off: what was said of it so far stands, and nothing follows."""
        failed = b""
        if self._names is not None:
            whole = b'"response":' + self._response(FAILED, error=response_error(payload))
            failed = self._events.write(b"response.failed", whole)
        number = self._events.sequence_number
        if self._last_passed is not None:
            number = sequence_number(self._last_passed) + 1
        return failed + error_event(payload, number)

    def _response(self, status: bytes, *, why_incomplete: bytes | None = None, error: bytes = b"null") -> bytes:
        assert self._names is not None, "a chunk begins the response before it is told"
        return response(
            self._names,
            created=self._created,
            model=self._model,
            status=status,
            why_incomplete=why_incomplete,
            error=error,
            # Items that are under way have a place and no words yet.
            output=[item for item in self._output if item],
            usage=self._usage,
            echo=self._echo,
        )
