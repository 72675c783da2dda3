"""The items of a response that is being streamed: each writes the events of its beginning, its pieces and its end."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.wire.responses.output import (
    IN_PROGRESS,
    call_item,
    encode,
    message_item,
    reasoning_item,
    refusal_part,
    summary_part,
    text_part,
)

_SAID: Final = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":%d,%b,'
    b'"delta":"%b","logprobs":[]}\n\n'
)


class Events:
    """Numbers a stream's events."""

    __slots__ = ("sequence_number",)

    def __init__(self) -> None:
        self.sequence_number = 0
        """That of the next event."""

    def write(self, kind: bytes, members: bytes) -> bytes:
        """Write the next event. `members` is JSON without the braces."""
        number = self.sequence_number
        self.sequence_number = number + 1
        return b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (kind, kind, number, members)


class _Item:
    """An item under way. `name` is its identifier as JSON, `index` its place in the output."""

    __slots__ = ("_events", "_name", "_place", "index", "written")

    def __init__(self, events: Events, name: bytes, index: int) -> None:
        self._events = events
        self._name = name
        self._place = b'"item_id":%b,"output_index":%d' % (name, index)
        self.index = index
        self.written = b""
        """The whole item, once it is over."""

    def _added(self, item: bytes) -> bytes:
        return self._events.write(b"response.output_item.added", b'"output_index":%d,"item":%b' % (self.index, item))

    def _done(self, item: bytes) -> bytes:
        self.written = item
        return self._events.write(b"response.output_item.done", b'"output_index":%d,"item":%b' % (self.index, item))


class OpenThought(_Item):
    """What the model thinks."""

    __slots__ = ("_pieces", "_place_of_part")

    def __init__(self, events: Events, name: bytes, index: int) -> None:
        super().__init__(events, name, index)
        self._place_of_part = self._place + b',"summary_index":0'
        self._pieces: list[str] = []

    def begin(self) -> bytes:
        """Write that it thinks."""
        part = self._place_of_part + b',"part":' + summary_part("")
        return self._added(reasoning_item(self._name, ())) + self._write(b"part.added", part)

    def add(self, text: str) -> bytes:
        """Write a piece."""
        self._pieces.append(text)
        return self._write(b"text.delta", self._place_of_part + b',"delta":' + encode(text))

    def close(self, status: bytes) -> bytes:
        """Write that it has thought: that is not told to be incomplete, since nothing says so of a summary."""
        text = "".join(self._pieces)
        part = summary_part(text)
        return (
            self._write(b"text.done", self._place_of_part + b',"text":' + encode(text))
            + self._write(b"part.done", self._place_of_part + b',"part":' + part)
            + self._done(reasoning_item(self._name, (part,)))
        )

    def _write(self, what: bytes, members: bytes) -> bytes:
        return self._events.write(b"response.reasoning_summary_" + what, members)


class OpenMessage(_Item):
    """What the model says: a text, a refusal, or one and then the other."""

    __slots__ = ("_odds", "_parts", "_pieces", "_place_of_part", "_refuses")

    def __init__(self, events: Events, name: bytes, index: int) -> None:
        super().__init__(events, name, index)
        self._parts: list[bytes] = []
        self._pieces: list[bytes] = []
        self._odds: list[Any] = []
        self._refuses: bool | None = None
        self._place_of_part = b""

    def begin(self) -> bytes:
        """Write that it speaks."""
        return self._added(message_item(self._name, IN_PROGRESS, ()))

    def say(self, text: str, odds: Sequence[Any]) -> bytes:
        """Write a piece of its text, and how likely its tokens were."""
        begun = b"" if self._refuses is False else self._begin_part(refuses=False)
        self._pieces.append(text.encode())
        if odds:
            self._odds += odds
        members = b'%b,"delta":%b,"logprobs":%b' % (self._place_of_part, encode(text), encode(odds) if odds else b"[]")
        return begun + self._events.write(b"response.output_text.delta", members)

    def say_as_spelt(self, texts: Sequence[bytes]) -> bytes:
        """Write the next pieces of a text as JSON spells them between its quotes, without an escape and any odds."""
        self._pieces += texts
        place, events = self._place_of_part, self._events
        if len(texts) == 1:
            events.sequence_number += 1
            return _SAID % (events.sequence_number - 1, place, texts[0])
        told = [_SAID % (number, place, text) for number, text in enumerate(texts, events.sequence_number)]
        events.sequence_number += len(texts)
        return b"".join(told)

    def refuse(self, text: str) -> bytes:
        """Write a piece of its refusal."""
        begun = b"" if self._refuses else self._begin_part(refuses=True)
        self._pieces.append(text.encode())
        return begun + self._events.write(b"response.refusal.delta", self._place_of_part + b',"delta":' + encode(text))

    def close(self, status: bytes) -> bytes:
        """Write that it has spoken."""
        ended = self._end_part()
        return ended + self._done(message_item(self._name, status, self._parts))

    def _begin_part(self, *, refuses: bool) -> bytes:
        ended = self._end_part()
        self._refuses = refuses
        self._place_of_part = self._place + b',"content_index":%d' % len(self._parts)
        part = refusal_part("") if refuses else text_part("")
        return ended + self._events.write(b"response.content_part.added", self._place_of_part + b',"part":' + part)

    def _end_part(self) -> bytes:
        if self._refuses is None:
            return b""
        place, text, odds = self._place_of_part, b"".join(self._pieces).decode(), self._odds
        self._pieces, self._odds = [], []
        if self._refuses:
            part = refusal_part(text)
            told = self._events.write(b"response.refusal.done", place + b',"refusal":' + encode(text))
        else:
            part = text_part(text, odds)
            members = b'%b,"text":%b,"logprobs":%b' % (place, encode(text), encode(odds))
            told = self._events.write(b"response.output_text.done", members)
        self._parts.append(part)
        return told + self._events.write(b"response.content_part.done", place + b',"part":' + part)


class OpenCall(_Item):
    """A function that the model calls."""

    __slots__ = ("_call_id", "_function", "_pieces")

    def __init__(self, events: Events, name: bytes, index: int, call_id: str, function: str) -> None:
        super().__init__(events, name, index)
        self._call_id = call_id
        self._function = function
        self._pieces: list[str] = []

    def begin(self) -> bytes:
        """Write that it calls."""
        return self._added(call_item(self._name, IN_PROGRESS, self._call_id, self._function, ""))

    def add(self, arguments: str) -> bytes:
        """Write a piece of the arguments."""
        self._pieces.append(arguments)
        return self._events.write(
            b"response.function_call_arguments.delta", self._place + b',"delta":' + encode(arguments)
        )

    def close(self, status: bytes) -> bytes:
        """Write that it has called."""
        arguments = "".join(self._pieces)
        members = b'%b,"name":%b,"arguments":%b' % (self._place, encode(self._function), encode(arguments))
        return self._events.write(b"response.function_call_arguments.done", members) + self._done(
            call_item(self._name, status, self._call_id, self._function, arguments)
        )
