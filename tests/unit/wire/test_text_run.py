"""Chunks whose text alone is new are known by what stands around it."""

import json
from typing import Any

import pytest

from gateway.wire.text_run import TextRun, run_after


def chunk(text: str, **members: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **members}, ensure_ascii=False).encode()


def run_of(data: bytes) -> TextRun | None:
    return run_after(data, json.loads(data))


def test_the_text_of_the_next_is_found_without_reading_it() -> None:
    run = run_of(chunk("a"))
    assert run is not None
    assert (run.index, run.text_in(chunk("Zürich")), run.text_in(chunk(""))) == (0, "Zürich".encode(), b"")


def test_a_plain_text_is_one_without_escapes() -> None:
    run = run_of(chunk("a"))
    assert run is not None
    assert run.text_in(chunk("b\n")) == b"b\\n"
    assert run.plain_text_in(chunk("b\n")) is None
    assert run.plain_text_in(chunk("Zürich")) == "Zürich".encode()
    assert run.plain_text_in(chunk("a", id="d")) is None


@pytest.mark.parametrize("other", [chunk("a", id="d"), chunk('"'), chunk("\\"), b"", chunk("a")[:-1]])
def test_any_other_chunk_is_none_of_them(other: bytes) -> None:
    run = run_of(chunk("a"))
    assert run is not None
    assert run.text_in(other) is None
    assert not run.takes(other)


def test_what_was_taken_is_one_chunk() -> None:
    run = run_of(chunk("a"))
    assert run is not None
    assert run.chunk()["choices"][0]["delta"] == {"content": ""}
    assert run.takes(chunk("b"))
    assert run.takes(chunk("c"))
    assert run.chunk() == {"choices": [{"index": 0, "delta": {"content": "bc"}}]}


@pytest.mark.parametrize(
    "data",
    [
        chunk("\\"),
        chunk("a", usage={}),
        b'{"choices":[],"x":{"content":"a"}}',
        b'{"choices":[{"delta":{"role":"assistant"},"content":"a"}]}',
        b'{"choices":[{"delta":{"content":"a","reasoning_content":"b"}}]}',
        b'{"choices":[{"delta":[],"content":"a"}]}',
        b'{"choices":[{"delta":{"content":"a"}},{"delta":{}}]}',
    ],
)
def test_a_chunk_that_says_more_begins_no_run(data: bytes) -> None:
    assert run_of(data) is None
