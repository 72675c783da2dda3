"""A reader of event streams by the letter of the standard (WHATWG HTML §9.2.6), as browsers read them.

Written from the standard alone: the gateway's own reader would share its mistakes with what it wrote.
"""

import codecs
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """What an EventSource dispatches."""

    type: str
    data: str
    last_event_id: str


@dataclass(slots=True)
class EventSource:
    """Feed it bytes as they come; `events` holds what was dispatched. `retry_ms` is the reconnection time."""

    events: list[MessageEvent] = field(default_factory=list)
    retry_ms: int | None = None
    _type: str = ""
    _data: str = ""
    _id: str = ""
    _last_id: str = ""
    _line: str = ""
    _after_cr: bool = False
    _is_at_start: bool = True
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"),
    )

    def feed(self, data: bytes) -> None:
        """Read on. What no blank line follows is never dispatched."""
        for character in self._decoder.decode(data):
            if self._is_at_start:
                self._is_at_start = False
                if character == "\ufeff":
                    continue
            if character == "\n" and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = character == "\r"
            if character in "\r\n":
                line, self._line = self._line, ""
                self._process(line)
            else:
                self._line += character

    def _process(self, line: str) -> None:
        if not line:
            self._dispatch()
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            self._take(name, value.removeprefix(" "))

    def _take(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data += value + "\n"
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)

    def _dispatch(self) -> None:
        self._last_id = self._id
        data, kind = self._data.removesuffix("\n"), self._type or "message"
        is_empty = not self._data
        self._data = self._type = ""
        if not is_empty:
            self.events.append(MessageEvent(kind, data, self._last_id))
