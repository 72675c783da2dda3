"""What the gateway says of itself, to standard error, without waiting for whoever reads it."""

import logging
from io import FileIO
from typing import Final

from gateway.adapters.line_writer import LineWriter

_STDERR: Final = 2
_CLOSE_S: Final = 1.0
"""How long the last words may take where nobody reads them."""


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


def to_stderr() -> LineHandler:
    """Make the handler for this process."""
    return LineHandler(LineWriter(FileIO(_STDERR, "wb", closefd=False).write))
