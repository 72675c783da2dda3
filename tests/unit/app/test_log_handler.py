"""Records on their way to standard error."""

import io
import logging
from threading import Event

from gateway.adapters.line_writer import LineWriter
from gateway.app.log_handler import LineHandler, to_stderr


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("tiergate", logging.WARNING, "here", 1, text, None, None)


def test_records_are_written_as_they_are_formatted_whatever_is_in_them() -> None:
    stream = io.BytesIO()
    handler = LineHandler(LineWriter(stream.write))
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.handle(record("café"))
    handler.handle(record("\ud800"))
    handler.close()
    assert stream.getvalue() == "WARNING café\nWARNING \\ud800\n".encode()


def test_nobody_waits_for_who_does_not_read_standard_error() -> None:
    room, taken = Event(), []

    def write(data: memoryview) -> int:
        assert room.wait(10.0)
        taken.append(bytes(data))
        return len(data)

    handler = LineHandler(LineWriter(write))
    for number in range(100):
        handler.handle(record(str(number)))
    assert not taken
    room.set()
    handler.close()
    assert b"".join(taken) == b"".join(b"%d\n" % number for number in range(100))


def test_standard_error_stays_open_when_its_handler_is_closed() -> None:
    to_stderr().close()
    handler = to_stderr()
    handler.handle(record(""))
    handler.close()
