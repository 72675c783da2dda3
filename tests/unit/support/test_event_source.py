"""The standard's own examples, read as it says (WHATWG HTML §9.2.6)."""

import pytest

from tests.support.event_source import EventSource, MessageEvent


def read(stream: bytes) -> list[MessageEvent]:
    source = EventSource()
    source.feed(stream)
    return source.events


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"event: add\ndata: 73857293\n\nevent: remove\n\n", [("add", "73857293", "")]),
        (b"\xef\xbb\xbfdata: a\r\rdata: b\r\n\r\ndata: c\n\n", [("message", letter, "") for letter in "abc"]),
        (b"id: 1\nid: 2\0\ndata: a\n\nretry: x\nother: y\n\n", [("message", "a", "1")]),
        (b"data: caf\xc3\xa9 \xff\n\n", [("message", "café \ufffd", "")]),
    ],
)
def test_a_stream_is_read_as_the_standard_says_however_it_arrives(
    stream: bytes, told: list[tuple[str, str, str]]
) -> None:
    assert read(stream) == [MessageEvent(*one) for one in told]
    source = EventSource()
    for at in range(len(stream)):
        source.feed(stream[at : at + 1])
    assert source.events == read(stream)


def test_the_time_of_a_reconnection_is_a_whole_number_or_is_not_taken() -> None:
    source = EventSource()
    source.feed("retry: 250\nretry: -1\nretry: ٣\n\n".encode())
    assert source.retry_ms == 250
