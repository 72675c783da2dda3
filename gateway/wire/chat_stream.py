"""A chat's stream on its way to a writer in another dialect, which reads as little of it as can be.

Under load one read of a server's answer brings many events. Most go on with the text of the one before: how those look
is learnt from the first, and of all others in a row their texts alone are handed on, all at once.
"""

from typing import Final, Protocol

from gateway.domain.limits import EdgeLimits
from gateway.wire.sse import EventSplitter, is_one_line
from gateway.wire.text_run import EventRun, events_after

_END: Final = b"\n\n"
_MARK: Final = b"\xef"
"""Begins a byte order mark, and no field of an event."""
_LEARNS: Final = 4
_ANY_SIZE: Final = EdgeLimits(sse_line_bytes=2**62, sse_event_bytes=2**62)
"""What comes here was measured on its way, or was kept as a whole answer, which may come in one line."""


class EventWriter(Protocol):
    """Writes a chat's events in another dialect."""

    @property
    def is_mid_text(self) -> bool:
        """Tell whether a text of the first choice is under way: what goes on with it may be given to `say_on`."""

    def say_on(self, texts: list[bytes]) -> bytes:
        """Write the next pieces of that text, one event for each; none is empty, or spelt with an escape."""

    def tell(self, event: bytes) -> bytes:
        """Write any event, blank line included."""


class ChatStream:
    """Feed it the stream in pieces of any size. It holds no writer, so that the two are no cycle."""

    __slots__ = ("_is_torn", "_learns", "_run", "_splitter")

    def __init__(self) -> None:
        self._splitter = EventSplitter(_ANY_SIZE)
        self._is_torn = False
        """An event is waiting for its rest."""
        self._run: EventRun | None = None
        self._learns = _LEARNS

    def feed(self, data: bytes, writer: EventWriter) -> bytes:
        """Return what the writer makes of the events that these bytes complete. Raises only what it raises."""
        told: list[bytes] = []
        at, run = 0, self._run
        if run is not None and not self._is_torn and writer.is_mid_text:
            texts, at = run.texts_at(data, 0)
            if at == len(data):
                return writer.say_on(texts) if texts else b""
            if texts:
                told.append(writer.say_on(texts))
        if self._is_torn or b"\r" in data or data.startswith(_MARK):
            self._split(data[at:], writer, told)
        else:
            self._cut(data, at, writer, told)
        return told[0] if len(told) == 1 else b"".join(told)

    def _cut(self, data: bytes, at: int, writer: EventWriter, told: list[bytes]) -> None:
        """Take the events whose lines end with LF alone, from one on that does not go on with a text."""
        self._splitter.skip_start()
        while at < len(data):
            end = data.find(_END, at) + len(_END)
            if end < len(_END):
                self._splitter.push(data[at:])
                self._is_torn = True
                return
            told.append(self._read(data[at:end], writer))
            at = end
            if self._run is not None and writer.is_mid_text:
                texts, at = self._run.texts_at(data, at)
                if texts:
                    told.append(writer.say_on(texts))

    def _split(self, data: bytes, writer: EventWriter, told: list[bytes]) -> None:
        """Take the events of any stream, of which one may be waiting for its rest."""
        self._splitter.push(data)
        told += [self._tell(block, writer) for block in self._splitter.events()]
        self._is_torn = not self._splitter.is_between_events

    def _tell(self, event: bytes, writer: EventWriter) -> bytes:
        if self._run is not None and writer.is_mid_text:
            texts, _ = self._run.texts_at(event, 0)
            if texts:
                return writer.say_on(texts)
        return self._read(event, writer)

    def _read(self, event: bytes, writer: EventWriter) -> bytes:
        """Let an event be read, and learn how the next ones may look; a few are tried."""
        told = writer.tell(event)
        if self._run is None and self._learns and writer.is_mid_text and is_one_line(event):
            self._learns -= 1
            run = events_after(event)
            self._run = run if run is not None and run.index == 0 else None
        return told
