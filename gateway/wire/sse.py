"""Server-sent events as WHATWG HTML §9.2 has them: bytes to events, and events to bytes.

Bytes are cut into events before any text is decoded, so that no character is ever torn apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.domain.limits import EdgeLimits

DONE: Final = b"data: [DONE]\n\n"
"""What ends a stream that is whole."""
PING: Final = b": ping\n\n"
"""A comment, which clients skip: it keeps idle connections open."""

_DATA, _END = b"data: ", b"\n\n"
_NATIVE: Final = b"native-"
"""Begins the fields of a chat's event that hold an event of another dialect, as a server sent it."""
_BOM = b"\xef\xbb\xbf"
# Two line ends in a row. A CR before an LF is half of one line end.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_BLANK_LINE_BYTES_MAX = 4
DEFAULT_LIMITS: Final = EdgeLimits()


class StreamMalformed(ValueError):
    """What a server sends is no event stream, or one with a line or event beyond all measure."""


@dataclass(slots=True)
class SseEvent:
    """One event. `data` None means that it carries none and that a browser would not dispatch it."""

    name: bytes
    data: bytes | None


class EventSplitter:
    """Cuts a stream into events, however its bytes arrive. The pieces together are the stream, but for its BOM."""

    def __init__(self, limits: EdgeLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._has_cr = False
        self._is_at_start = True

    @property
    def is_between_events(self) -> bool:
        """Tell whether nothing is waiting for the rest of its event."""
        return not self._buffer

    def skip_start(self) -> None:
        """Say that the stream has begun elsewhere, so that what looks like a BOM is none."""
        self._is_at_start = False

    def push(self, data: bytes) -> None:
        """Add what arrived."""
        self._buffer += data
        self._has_cr = self._has_cr or b"\r" in data
        if not self._is_at_start:
            return
        beginning = bytes(self._buffer[: len(_BOM)])
        if beginning == _BOM:
            del self._buffer[: len(_BOM)]
        # The first bytes may be the beginning of a mark.
        self._is_at_start = beginning != _BOM and _BOM.startswith(beginning)

    def events(self, *, is_end: bool = False) -> Iterator[bytes]:
        """Take out the events that are complete, with the line ends that close them.

        At the end of the stream, what no blank line completes is discarded. Raises StreamMalformed.
        """
        while (end := self._find_end(is_end)) >= 0:
            if not self._has_cr:
                yield from self._plain_events()
                break
            block = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._searched = 0
            self._check(block)
            yield block
        self._searched = max(0, len(self._buffer) - _BLANK_LINE_BYTES_MAX + 1)
        if is_end:
            self._buffer.clear()
        self._check_unfinished()

    def _plain_events(self) -> Iterator[bytes]:
        """Take out the complete events of a stream whose lines end with LF: all are found at once."""
        *blocks, rest = bytes(self._buffer).split(_END)
        self._buffer[:] = rest
        self._searched = 0
        for block in blocks:
            block += _END
            self._check(block)
            yield block

    def _find_end(self, is_end: bool) -> int:
        buffer = self._buffer
        if not self._has_cr:
            at = buffer.find(_END, self._searched)
            return at + len(_END) if at >= 0 else -1
        # A CR at the very end may be half of a CRLF: wait for what follows.
        stop = len(buffer) - (buffer.endswith(b"\r") and not is_end)
        found = _BLANK_LINE.search(buffer, self._searched, stop)
        return found.end() if found else -1

    def _check(self, block: bytes) -> None:
        if len(block) > self._limits.sse_event_bytes:
            raise self._too_long("event", self._limits.sse_event_bytes)
        most = self._limits.sse_line_bytes
        if len(block) > most and max(map(len, block.splitlines())) > most:
            raise self._too_long("line", most)

    def _check_unfinished(self) -> None:
        buffer, most = self._buffer, self._limits.sse_line_bytes
        if len(buffer) > self._limits.sse_event_bytes:
            raise self._too_long("event", self._limits.sse_event_bytes)
        # Only the last line grows; the ones before were looked at while they were the last.
        if len(buffer) > most and len(buffer) - 1 - max(buffer.rfind(b"\n"), buffer.rfind(b"\r")) > most:
            raise self._too_long("line", most)

    @staticmethod
    def _too_long(what: str, most: int) -> StreamMalformed:
        return StreamMalformed(f"one {what} has more than {most} bytes")


def parse_event(block: bytes) -> SseEvent:
    """Read one event as the splitter gives it. Comments and unknown fields are skipped."""
    name, data = b"message", []
    for line in block.splitlines():
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value or b"message"
        elif field == b"error":
            # Not in the standard: llama.cpp writes its errors as a field of that name.
            name = b"error"
            data.append(value)
    return SseEvent(name, b"\n".join(data) if data else None)


class SseDecoder:
    """Bytes in, events with data out."""

    def __init__(self, limits: EdgeLimits = DEFAULT_LIMITS) -> None:
        self._splitter = EventSplitter(limits)

    def feed(self, data: bytes) -> list[SseEvent]:
        """Return the events that these bytes complete. Raises StreamMalformed."""
        self._splitter.push(data)
        return _dispatched(self._splitter.events())

    def finish(self) -> list[SseEvent]:
        """Return what the end of the stream completes; an unfinished event is discarded."""
        return _dispatched(self._splitter.events(is_end=True))


def decode_events(stream: bytes) -> list[SseEvent]:
    """Decode a whole stream at once. Raises StreamMalformed."""
    decoder = SseDecoder()
    return decoder.feed(stream) + decoder.finish()


def decode_data(stream: bytes) -> list[bytes]:
    """Return the data of every event of a whole stream. Raises StreamMalformed.

    A stream of nothing but `data: ` and a line, as model servers write it, is cut at its blank lines, in a tenth of the
    time.
    """
    if stream.startswith(_DATA) and stream.endswith(_END) and b"\r" not in stream:
        every = stream[len(_DATA) : -len(_END)].split(_END + _DATA)
        longest = max(map(len, every)) + len(_DATA) + len(_END)
        if stream.count(b"\n") == len(_END) * len(every) and longest <= DEFAULT_LIMITS.sse_line_bytes:
            return every
    return [event.data or b"" for event in decode_events(stream)]


def is_one_line(block: bytes) -> bool:
    """Tell whether this is one line of data that begins an object, and the blank line behind it."""
    return (
        block.startswith(b"data: {")
        and block.find(b"\n") == len(block) - len(_END)
        and block.endswith(_END)
        and b"\r" not in block
    )


def with_native(told: bytes, block: bytes) -> bytes:
    """Send an event of another dialect along with the chat's events that say the same, which may be none.

    It stands in fields that readers of chats skip, of the first of them.
    """
    native = b"".join([_NATIVE + line + b"\n" for line in block.splitlines() if line])
    first, end, rest = told.partition(_END)
    return b"%b\n%b\n%b" % (first, native, rest) if end else native + b"\n"


def native_of(block: bytes) -> bytes | None:
    """Return the event that was sent along with a chat's, as it came but for its line ends; None where none was."""
    if not block.startswith(_NATIVE) and b"\n" + _NATIVE not in block:
        return None
    lines = [line.removeprefix(_NATIVE) for line in block.splitlines() if line.startswith(_NATIVE)]
    return b"\n".join(lines) + _END


def data_event(payload: bytes) -> bytes:
    """Write an event. `payload` must be of one line, as JSON is."""
    return b"data: " + payload + b"\n\n"


def comment(text: bytes) -> bytes:
    """Write a comment of one line."""
    return b": " + text + b"\n\n"


def _dispatched(blocks: Iterator[bytes]) -> list[SseEvent]:
    return [event for event in map(parse_event, blocks) if event.data is not None]
