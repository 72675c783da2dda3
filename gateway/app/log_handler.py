"""What the gateway says of itself, to standard error, without waiting for whoever reads it.

On a terminal as text for people, elsewhere as one JSON object a line, so that no message can forge another.
"""

import logging
import os
from functools import cache
from io import FileIO
from typing import Final

import msgspec

from gateway.adapters.line_writer import LineWriter
from gateway.adapters.log_text import safe_text
from gateway.app.events import EVENT, FACTS, LogEvent
from gateway.app.settings import LogFormat

STDOUT: Final = 1
STDERR: Final = 2
MESSAGE_CHARS_MAX: Final = 16_384
"""A policy with many problems is told in some kilobytes."""
FACT_CHARS_MAX: Final = 512
_CLOSE_S: Final = 1.0
"""How long the last words may take where nobody reads them."""
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger("tiergate")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON. `worker` is None in the process that only supervises."""

    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, event and message, then what the event is about."""
        line: dict[str, object] = {
            "at_s": round(record.created, 6),
            "level": record.levelname.lower(),
            "event": getattr(record, EVENT, LogEvent.NOTE),
        }
        if self._worker is not None:
            line["worker"] = self._worker
        line["message"] = _lines(record.getMessage())
        for name, value in getattr(record, FACTS, {}).items():
            line[name] = safe_text(value, FACT_CHARS_MAX) if isinstance(value, str) else value
        if record.exc_info:
            line["traceback"] = _lines(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def _lines(text: str) -> str:
    """Make a text safe that has several lines; JSON writes their breaks as `\\n`."""
    return "\n".join([safe_text(line, MESSAGE_CHARS_MAX) for line in text[:MESSAGE_CHARS_MAX].split("\n")])


class LineHandler(logging.Handler):
    """Hands records to a writer, at once. `logging` closes it when the process ends."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record."""
        self._writer.add(self.format(record).encode("utf-8", "backslashreplace") + b"\n")
        self._writer.flush()

    def close(self) -> None:
        """Have what waits written, if it can be."""
        self._writer.close(_CLOSE_S)
        super().close()


@cache
def writer_to(descriptor: int) -> LineWriter:
    """Return this process's one writer to an output, so that lines of several logs never mix within a line."""
    return LineWriter(FileIO(descriptor, "wb", closefd=False).write)


def formatter_of(form: LogFormat, worker: int | None, *, is_terminal: bool) -> logging.Formatter:
    """Return what writes records in that form."""
    is_text = is_terminal if form is LogFormat.AUTO else form is LogFormat.TEXT
    return logging.Formatter(_TEXT) if is_text else JsonLines(worker)


def configure(level: str, form: LogFormat, worker: int | None) -> None:
    """Let this process log to standard error from now on."""
    handler = LineHandler(writer_to(STDERR))
    handler.setFormatter(formatter_of(form, worker, is_terminal=os.isatty(STDERR)))
    logging.basicConfig(handlers=[handler])
    log.setLevel(level.upper())
    # uvicorn tells at `info` what it does step by step.
    logging.getLogger("uvicorn").setLevel("INFO" if level == "debug" else "WARNING")
