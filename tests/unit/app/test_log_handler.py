"""Records on their way to standard error."""

import io
import json
import logging
import sys
from threading import Event
from typing import Any

import pytest

from gateway.adapters.line_writer import LineWriter
from gateway.app.events import LogEvent, marked
from gateway.app.log_handler import (
    MESSAGE_CHARS_MAX,
    STDERR,
    JsonLines,
    LineHandler,
    formatter_of,
    writer_to,
)
from gateway.app.settings import LogFormat


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
    LineHandler(writer_to(STDERR)).close()
    handler = LineHandler(writer_to(STDERR))
    handler.handle(record(""))
    handler.close()
    assert writer_to(STDERR).lost == 0


def line(made: logging.LogRecord, worker: int | None = 2) -> dict[str, Any]:
    text = JsonLines(worker).format(made)
    assert len(text.splitlines()) == 1
    read: dict[str, Any] = json.loads(text)
    return read


def test_a_line_tells_when_who_what_and_about_whom() -> None:
    made = record("endpoint small/0 serves again")
    made.created = 1_800_000_000.25
    made.__dict__.update(marked(LogEvent.ENDPOINT_BACK, endpoint="small/0", count=3))
    assert line(made) == {
        "at_s": 1_800_000_000.25,
        "level": "warning",
        "event": "endpoint_back",
        "worker": 2,
        "message": "endpoint small/0 serves again",
        "endpoint": "small/0",
        "count": 3,
    }
    assert "worker" not in line(made, None)


def test_a_record_without_an_event_is_a_note_and_one_of_a_fault_has_its_traceback() -> None:
    try:
        raise ValueError("broken\u2028")
    except ValueError:
        made = logging.LogRecord("uvicorn", logging.ERROR, "here", 1, "%s", ("said",), sys.exc_info())
    told = line(made)
    assert (told["event"], told["level"], told["message"]) == ("note", "error", "said")
    assert told["traceback"].startswith("Traceback (most recent call last):\n")
    assert told["traceback"].endswith("ValueError: broken\\u{2028}")


def test_nobody_can_forge_a_line_or_fill_a_disk_with_one() -> None:
    forged = 'x"}\n{"event": "policy_taken"}\u2028\ud800'
    made = record(forged)
    made.__dict__.update(marked(LogEvent.CACHE_REPORTED, tenant=forged, entry="y" * 10_000))
    told = line(made)
    assert told["event"] == "cache_reported"
    assert told["message"] == 'x"}\n{"event": "policy_taken"}\\u{2028}\\u{d800}'
    assert told["tenant"] == 'x"}\\u{000a}{"event": "policy_taken"}\\u{2028}\\u{d800}'
    assert len(told["entry"]) == 512
    assert len(line(record("z" * 100_000))["message"]) == MESSAGE_CHARS_MAX


@pytest.mark.parametrize(
    ("form", "is_terminal", "is_json"),
    [
        (LogFormat.AUTO, False, True),
        (LogFormat.AUTO, True, False),
        (LogFormat.JSON, True, True),
        (LogFormat.TEXT, False, False),
    ],
)
def test_people_read_text_and_machines_json(form: LogFormat, is_terminal: bool, is_json: bool) -> None:
    written = formatter_of(form, 1, is_terminal=is_terminal).format(record("said"))
    assert written.endswith(" WARNING tiergate: said") is not is_json
    assert written.startswith("{") is is_json
