"""What passes of a server's stream, and what is learnt of the answer on the way."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.usage import TokenUsage
from gateway.wire.sse import StreamMalformed
from gateway.wire.stream_scanner import StreamScanner


def event(**members: Any) -> bytes:
    return b"data: " + json.dumps({"model": "m", **members}, separators=(",", ":")).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **members: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": members, "finish_reason": finish_reason}])


def text(value: str, **members: Any) -> bytes:
    return event(choices=[{"index": 0, "text": value, "finish_reason": None}], **members)


USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
DONE = b"data: [DONE]\n\n"


def scan(*reads: bytes, include_usage: bool = False) -> tuple[StreamScanner, bytes]:
    scanner = StreamScanner(include_usage=include_usage)
    passed = b"".join(scanner.feed(read) for read in reads)
    return scanner, passed + scanner.finish()


@pytest.mark.parametrize(
    "chunk",
    [
        delta(content="a"),
        delta(role="assistant", content="a"),
        delta(reasoning_content="a"),
        delta(reasoning="a"),
        delta(refusal="a"),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ""}}]),
        delta(function_call={"name": "f"}),
        delta(audio={"data": "AA"}),
        delta(content=[{"type": "text", "text": "a"}]),
        delta(content="a", tool_calls="odd"),
        text("a"),
        text("a", usage="odd"),
        event(choices=[{"delta": {}}, {"delta": {"content": "a"}}]),
        b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\xf0\x9f"}}]}\n\n',
        b'data: {"choices":[null,{"delta":{"content":"a","tool_calls":{}}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":3,"audio":{"a":1}}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":3,"function_call":{"a":1}}}]}\n\n',
    ],
)
def test_content_is_seen_and_passes_as_it_is(chunk: bytes) -> None:
    scanner, passed = scan(chunk)
    assert (scanner.has_content, scanner.content_chunks, passed) == (True, 1, chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        delta(role="assistant"),
        delta(role="assistant", content=""),
        delta(content=None, tool_calls=[]),
        delta("stop"),
        event(choices=[{"delta": None}]),
        event(choices=[]),
        event(choices=None),
        event(prompt_filter_results=[]),
        text(""),
        b": comment\n\n",
        b"event: ping\n\n",
        b"\n\n",
        b'data: {"choices":[{"delta":3,"text":4,"finish_reason":5}],"model":6}\n\n',
        b'data: {"choices":3,"error":null}\n\n',
        b'data: {"error":null}\n\n',
    ],
)
def test_what_bears_no_content_passes_without_being_taken_for_it(chunk: bytes) -> None:
    scanner, passed = scan(chunk)
    assert (scanner.has_content, scanner.content_chunks, passed, scanner.error) == (False, 0, chunk, None)


def test_facts_of_a_whole_stream_are_gathered() -> None:
    reads = [delta(role="assistant"), delta(content="a"), delta(content="b"), delta("length"), DONE]
    scanner, passed = scan(*reads)
    assert passed == b"".join(reads[:-1])
    assert (scanner.finish_reason, scanner.model, scanner.content_chunks) == ("length", "m", 2)
    assert (scanner.done, scanner.error, scanner.usage, scanner.has_tool_calls) == (True, None, None, False)


def test_each_choice_that_bears_content_counts() -> None:
    scanner, _ = scan(event(choices=[{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]))
    assert scanner.content_chunks == 2


def test_tool_calls_are_noticed() -> None:
    assert scan(delta(tool_calls=[{"index": 0}]), delta("tool_calls"))[0].has_tool_calls
    assert scan(delta(function_call={"name": "f"}), delta(content="x"))[0].has_tool_calls


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}])
def test_a_chunk_of_usage_alone_passes_only_to_who_asked(choices: dict[str, Any]) -> None:
    chunk = event(usage=USAGE, **choices)
    for include_usage in (False, True):
        scanner, passed = scan(chunk, include_usage=include_usage)
        assert passed == (chunk if include_usage else b"")
        assert scanner.usage == TokenUsage(9, 4)


def test_usage_on_a_chunk_with_content_passes() -> None:
    chunk = event(choices=[{"delta": {"content": "a"}, "finish_reason": "stop"}], usage=USAGE)
    scanner, passed = scan(chunk)
    assert (passed, scanner.usage, scanner.finish_reason) == (chunk, TokenUsage(9, 4), "stop")


def test_a_zero_before_the_real_usage_does_not_win() -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0}
    scanner, _ = scan(event(usage=zero, choices=[]), event(usage=USAGE, choices=[]), event(usage=zero, choices=[]))
    assert scanner.usage == TokenUsage(9, 4)
    assert scan(event(usage=zero, choices=[]))[0].usage is None


def test_usage_is_the_largest_of_each_field() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}
    first = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": None}
    scanner, _ = scan(event(usage=first), event(usage={"prompt_tokens": 4, "completion_tokens": 7, **details}))
    assert scanner.usage == TokenUsage(9, 7, 3, 2)


@pytest.mark.parametrize(
    "usage",
    [{"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": 10**12}, {"prompt_tokens": "9"}, {}, [], 3],
)
def test_absurd_usage_is_no_usage(usage: Any) -> None:
    assert scan(event(usage=usage, choices=[]))[0].usage is None


def test_parts_never_exceed_their_whole() -> None:
    usage = {
        "prompt_tokens": 2,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 9},
        "completion_tokens_details": {"reasoning_tokens": 9},
    }
    assert scan(event(usage=usage))[0].usage == TokenUsage(2, 1, 2, 1)


def test_timings_stand_in_for_usage() -> None:
    timings = {"prompt_n": 5, "cache_n": 3, "predicted_n": 4, "prompt_ms": 1.5}
    chunk = event(choices=[{"delta": {}, "finish_reason": "stop"}], timings=timings)
    scanner, passed = scan(chunk)
    assert (passed, scanner.usage) == (chunk, TokenUsage(8, 4, 3))
    assert scan(chunk, event(usage=USAGE))[0].usage == TokenUsage(9, 4)
    assert scan(event(timings={}))[0].usage is None


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b'data: {"a":1,"usage":null}\n\n', b'data: {"a":1}\n\n'),
        (b'data: {"usage":null,"a":1}\n\n', b'data: {"a":1}\n\n'),
        (b'data: {"a": 1, "usage": null, "b": 2}\n\n', b'data: {"a": 1, "b": 2}\n\n'),
        (b'data:{"usage" : null}\r\n\r\n', b"data:{}\r\n\r\n"),
        (b'data: {"a":{"usage":null},"usage":null}\n\n', b'data: {"a":{"usage":null}}\n\n'),
        (b'data: {"a":"\\"usage\\":null,","usage":null}\n\n', b'data: {"a":"\\"usage\\":null,"}\n\n'),
        (b'data: {"us\\u0061ge":null,"a":1}\n\n', b'data: {"a":1}\n\n'),
        (b'data: {"\xff":1, "usage":null}\n\n', b'data: {"\xff":1}\n\n'),
        (b'data: {"a":1,\ndata: "usage": null}\n\n', b'data: {"a":1,\ndata: "usage": null}\n\n'),
    ],
)
def test_null_usage_is_cut_out_unless_asked_for(sent: bytes, passed: bytes) -> None:
    assert scan(sent)[1] == passed
    assert scan(sent, include_usage=True)[1] == sent


def test_nothing_passes_behind_the_end() -> None:
    scanner, passed = scan(delta(content="a") + DONE + delta(content="b") + DONE, delta(content="c"))
    assert (passed, scanner.content_chunks, scanner.is_over) == (delta(content="a"), 1, True)


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b"data:[DONE]\r\n\r\n", b"data: [DONE] \n\n"])
def test_the_end_is_seen_in_any_spelling(end: bytes) -> None:
    scanner, passed = scan(end)
    assert (scanner.done, passed) == (True, b"")


def test_an_end_without_blank_line_is_discarded() -> None:
    scanner, passed = scan(delta(content="a"), b"data: [DONE]")
    assert (scanner.done, passed) == (False, delta(content="a"))


def test_empty_data_does_not_pass() -> None:
    assert scan(b"data:\n\n", delta(content="a"))[1] == delta(content="a")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'data: {"error":{"message":"no room","type":"server_error","code":500}}\n\n', "no room"),
        (b'data: {"error":"no room"}\n\n', "no room"),
        (b'data: {"object":"error","message":"no room","code":400}\n\n', "no room"),
        (b'event: error\ndata: {"error":{"message":"no room"}}\n\n', "no room"),
        (b"event: error\ndata: no room\n\n", "no room"),
        (b'error: {"code":500,"message":"no room"}\n\n', '{"code":500,"message":"no room"}'),
        (b'data: {"error":{"message":"at http://10.0.0.1:8000/v1"}}\n\n', "at [address]"),
        (b'data: {"error":{}}\n\n', "The model server gave no reason."),
        (b'data: {"model":3,"error":{"message":"no room"}}\n\n', "no room"),
    ],
)
def test_an_error_in_band_ends_the_stream_and_does_not_pass(sent: bytes, said: str) -> None:
    scanner, passed = scan(delta(content="a"), sent + delta(content="b"), DONE)
    assert (scanner.error, scanner.done, passed) == (said, False, delta(content="a"))


@pytest.mark.parametrize(
    "garbage", [b"data: <html>\n\n", b"data: [1]\n\n", b"data: {\n\n", b"data: " + b"[" * 9999 + b"\n\n"]
)
def test_garbage_is_malformed(garbage: bytes) -> None:
    with pytest.raises(StreamMalformed):
        StreamScanner(include_usage=False).feed(garbage)


def test_good_events_pass_before_garbage_in_the_same_read() -> None:
    scanner = StreamScanner(include_usage=False)
    assert scanner.feed(delta(content="a") + b"data: <html>\n\n") == delta(content="a")
    assert scanner.error is not None
    assert scanner.finish() == b""


def test_garbage_at_the_end_is_an_error_and_not_raised() -> None:
    scanner = StreamScanner(include_usage=False)
    assert scanner.feed(b"data: <html>\r\n\r") == b""
    assert (scanner.finish(), scanner.error) == (b"", "an event's data is not JSON")


def test_lines_beyond_the_limit_are_malformed() -> None:
    scanner = StreamScanner(include_usage=False, limits=EdgeLimits(sse_line_bytes=50, sse_event_bytes=100))
    with pytest.raises(StreamMalformed):
        scanner.feed(delta(content="x" * 50))


def test_an_event_that_arrives_in_parts_passes_when_whole() -> None:
    scanner = StreamScanner(include_usage=False)
    chunk = delta(content="ab")
    assert scanner.feed(chunk[:20]) == b""
    assert scanner.feed(chunk[20:] + chunk[:5]) == chunk
    assert scanner.feed(chunk[5:]) == chunk
