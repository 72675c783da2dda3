"""A message's stream as that of a chat."""

import json
from typing import Any

import pytest

from gateway.wire.messages.stream_reader import StreamReader
from gateway.wire.messages.stream_writer import StreamWriter
from gateway.wire.sse import DONE, StreamMalformed, decode_data
from gateway.wire.stream_scanner import StreamScanner
from tests.support.anthropic_bodies import message_events, named
from tests.support.openai_bodies import ToolCall, Words

WORDS = Words(model="m", pieces=("Paris", " is"), input_tokens=11, cached_tokens=4)
CALL = Words(model="m", tool=ToolCall("weather", '{"town":"Ulm"}', id="t1"))


def reader(*, keeps_native: bool = False) -> StreamReader:
    return StreamReader(created_s=7, keeps_native=keeps_native)


def chunks(told: bytes) -> list[dict[str, Any]]:
    return [json.loads(data) for data in decode_data(told) if data not in (b"", b"[DONE]")]


def deltas(told: bytes) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(told) if chunk["choices"]]


def test_words_their_end_and_what_they_used() -> None:
    told = reader().feed(b"".join(message_events(WORDS)))
    assert told.endswith(DONE)
    first, *_, finish, usage = chunks(told)
    head = {"id": "msg_1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    assert first == {
        **head,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
    assert [delta["content"] for delta in deltas(told)[1:-1]] == ["Paris", " is"]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["prompt_tokens"], usage["usage"]["completion_tokens"]) == ([], 11, 2)


def test_the_scanner_finds_in_it_what_it_finds_in_a_chat() -> None:
    scanner = StreamScanner(include_usage=False)
    passed = scanner.feed(reader().feed(b"".join(message_events(CALL))))
    assert (scanner.has_tool_calls, scanner.finish_reason, scanner.done) == (True, "tool_calls", True)
    assert b'"usage"' not in passed, "the client has not asked for it"


def test_a_call_is_told_in_pieces() -> None:
    told = deltas(reader().feed(b"".join(message_events(CALL))))
    calls = [call for delta in told for call in delta.get("tool_calls", ())]
    assert calls[0] == {"index": 0, "id": "t1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    assert "".join(call["function"]["arguments"] for call in calls) == '{"town":"Ulm"}'


def test_a_call_without_arguments_has_an_empty_object() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "n"}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}}
    told = deltas(reader().feed(named(start) + named(piece) + named({"type": "content_block_stop", "index": 0})))
    assert "".join(delta["tool_calls"][0]["function"]["arguments"] for delta in told) == "{}"


def test_what_a_block_begins_with_is_told() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "A"}}
    assert deltas(reader().feed(named(start))) == [{"content": "A"}]


def test_a_signed_thought_is_told_and_not_all_of_it() -> None:
    of = reader()
    told = deltas(of.feed(b"".join(message_events(WORDS, signed=True))))
    assert {"reasoning_content": "Hm."} in told
    assert not of.is_lossless


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "content_block_delta", "index": 5, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}},
        {"type": "news"},
        {"type": "message_start"},
    ],
)
def test_what_a_chat_cannot_say_is_noted(event: dict[str, Any]) -> None:
    of = reader()
    of.feed(named(event))
    assert not of.is_lossless


def test_a_plain_stream_is_told_wholly() -> None:
    of = reader()
    of.feed(b"".join(message_events(CALL)))
    assert of.is_lossless


def test_an_error_is_the_chats() -> None:
    error = {"type": "overloaded_error", "message": "Busy"}
    scanner = StreamScanner(include_usage=True)
    scanner.feed(reader().feed(named({"type": "error", "error": error})))
    assert scanner.error == "Busy"


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: [1]\n\n", b'data: {"index":"x"}\n\n', b"data: \xff\n\n"])
def test_what_is_no_event_is_malformed(data: bytes) -> None:
    with pytest.raises(StreamMalformed):
        reader().feed(data)


def test_comments_pass() -> None:
    assert reader().feed(b": hello\n\n") == b": hello\n\n"


@pytest.mark.parametrize("said", [WORDS, CALL])
@pytest.mark.parametrize("signed", [False, True])
def test_a_client_of_the_same_api_has_the_events_as_they_came(said: Words, signed: bool) -> None:
    events = message_events(said, signed=signed)
    of, scanner, writer = reader(keeps_native=True), StreamScanner(include_usage=True), StreamWriter()
    told = b"".join([writer.feed(scanner.feed(of.feed(event))) for event in events])
    assert scanner.done
    assert told + writer.feed(DONE) == b"".join(events)
