"""Chunks whose text alone is new are known by what stands around it."""

import json
from typing import Any

import pytest

from gateway.wire.text_run import EventRun, TextRun, events_after, run_after


def chunk(text: str, **members: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **members}, ensure_ascii=False).encode()


def run_of(data: bytes) -> TextRun | None:
    return run_after(data, json.loads(data))


def test_the_text_of_the_next_is_found_without_reading_it() -> None:
    run = run_of(chunk("a"))
    assert run is not None
    assert (run.index, run.text_in(chunk("Zürich")), run.text_in(chunk(""))) == (0, "Zürich".encode(), b"")


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


def event(text: str, **members: Any) -> bytes:
    return b"data: " + chunk(text, **members) + b"\n\n"


@pytest.fixture
def run() -> EventRun:
    run = events_after(event("a"))
    assert run is not None
    assert run.index == 0
    return run


def test_the_texts_of_events_in_a_row_are_found_without_reading_them(run: EventRun) -> None:
    data = event("a") + event("") + event("Zürich") + event("b")
    assert run.texts_at(data, 0) == ([b"a", "Zürich".encode(), b"b"], len(data))
    assert run.texts_at(data, len(event("a"))) == (["Zürich".encode(), b"b"], len(data))
    assert run.texts_at(data, 1) == ([], 1)


@pytest.mark.parametrize(
    "other",
    [
        event("b\n"),
        event('"'),
        event("\\"),
        event("b", id="d"),
        event("b")[:-1],
        event("\xff").replace("\xff".encode(), b"\xff"),
        event("?").replace(b"?", b"\n\n"),
        b": ping\n\n",
        b"",
    ],
)
def test_a_row_of_events_ends_before_one_that_must_be_read(run: EventRun, other: bytes) -> None:
    data = event("a") + other + event("b")
    assert run.texts_at(data, 0) == (([b"a"], len(event("a"))) if other else ([b"a", b"b"], len(data)))
    assert run.texts_at(other, 0) == ([], 0)


@pytest.mark.parametrize("odd", [event("a", usage={}), event("\xff").replace("\xff".encode(), b"\xff"), b"data: {\n\n"])
def test_nothing_is_learnt_from_an_event_that_says_more_or_is_read_leniently(odd: bytes) -> None:
    assert events_after(odd) is None
