"""Events are cut from bytes as the standard says."""

from collections import deque

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.wire.sse import (
    DEFAULT_LIMITS,
    DONE,
    EventSplitter,
    SseDecoder,
    StreamMalformed,
    comment,
    data_event,
    decode_data,
    decode_events,
    parse_event,
)

SMALL = EdgeLimits(sse_line_bytes=20, sse_event_bytes=40)


def data_of(stream: bytes) -> list[bytes | None]:
    return [event.data for event in decode_events(stream)]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b": hi\n\ndata: a\n\n", [b"a"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b"id: 1\nretry: 5\nfoo: bar\ndata: a\n\n", [b"a"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data: a\n\ndata: lost\n", [b"a"]),
        (b"data: a", []),
        (b"data: \xf0\x9f\x98\x80\n\n", ["😀".encode()]),
        (b"", []),
    ],
)
def test_streams_are_decoded_however_they_arrive(stream: bytes, data: list[bytes]) -> None:
    assert data_of(stream) == data
    for at in range(len(stream)):
        decoder = SseDecoder()
        events = decoder.feed(stream[:at]) + decoder.feed(stream[at:]) + decoder.finish()
        assert [event.data for event in events] == data
    decoder = SseDecoder()
    single = [event for at in range(len(stream)) for event in decoder.feed(stream[at : at + 1])]
    assert [event.data for event in single + decoder.finish()] == data


def test_a_mark_amid_the_stream_is_not_taken_for_its_beginning() -> None:
    splitter = EventSplitter()
    splitter.skip_start()
    splitter.push(b"\xef\xbb\xbfdata: a\n\n")
    assert list(splitter.events()) == [b"\xef\xbb\xbfdata: a\n\n"]


def test_events_have_names() -> None:
    assert parse_event(b"event: error\ndata: x\n\n").name == b"error"
    assert parse_event(b"event:\ndata: x\n\n").name == b"message"
    assert parse_event(b"error: {}\n\n").data == b"{}"
    assert parse_event(b": only a comment\n\n").data is None


def test_what_is_written_can_be_read() -> None:
    assert decode_events(comment(b"wait") + data_event(b"{}") + DONE) == decode_events(b"data: {}\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"data: {}\n\ndata: [DONE]\n\n",
        b"data: a\n\ndata: unfinished",
        b"data: a\ndata: b\n\n",
        b"data: a\r\n\r\ndata: b\r\n\r\n",
        b"data: a\n\n\ndata: b\n\n",
        b"\xef\xbb\xbfdata: a\n\n",
        b": ping\n\nevent: x\ndata:  y\n\ndata\n\n",
    ],
)
def test_a_whole_streams_data_is_that_of_its_events(stream: bytes) -> None:
    assert decode_data(stream) == [event.data for event in decode_events(stream)]


def test_a_line_too_long_is_none_of_a_whole_streams_data() -> None:
    with pytest.raises(StreamMalformed):
        decode_data(b"data: " + b"x" * DEFAULT_LIMITS.sse_line_bytes + b"\n\n")


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 14, b"data: " + b"x" * 14 + b"\ndata: 2\n\n"])
def test_lines_as_long_as_allowed_pass(stream: bytes) -> None:
    SseDecoder(SMALL).feed(stream)


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + b"x" * 15,
        b"data: " + b"x" * 15 + b"\n\n",
        b"data: x\ndata: " + b"x" * 15,
        b"data: 1\n" * 6,
        b"data: 1\r" * 6,
        b"data: 1\n" * 5 + b"\n",
    ],
)
def test_lines_and_events_beyond_the_limit_are_malformed(stream: bytes) -> None:
    with pytest.raises(StreamMalformed):
        SseDecoder(SMALL).feed(stream)
    decoder = SseDecoder(SMALL)
    with pytest.raises(StreamMalformed):
        deque((decoder.feed(stream[at : at + 1]) for at in range(len(stream))), maxlen=0)


def test_limits_of_the_policy_hold() -> None:
    line = b"data: " + b"x" * (900 * 1024) + b"\n\n"
    assert len(SseDecoder().feed(line)) == 1
    with pytest.raises(StreamMalformed):
        SseDecoder().feed(b"data: " + b"x" * (1024 * 1024) + b"\n\n")
