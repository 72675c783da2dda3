"""A chat's stream as the events of a message."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.events import MESSAGE_STOP
from gateway.wire.messages.stream_writer import StreamWriter
from gateway.wire.problem import stream_error
from gateway.wire.sse import PING, decode_events
from tests.support.openai_bodies import DONE, ToolCall, Words, chat_events, event


def read(told: bytes) -> list[dict[str, Any]]:
    """Read events; each is named as its data's type."""
    found = []
    for one in decode_events(told):
        assert one.data is not None
        data = json.loads(one.data)
        assert one.name.decode() == data["type"]
        found.append(data)
    return found


def told(*parts: bytes) -> list[dict[str, Any]]:
    writer = StreamWriter()
    return read(b"".join([writer.feed(part) for part in parts]))


def told_of(*deltas: dict[str, Any], ending: str = "stop", **choice: Any) -> list[dict[str, Any]]:
    chunks = [event({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    last = event({"choices": [{"index": 0, "delta": {}, "finish_reason": ending, **choice}]})
    return told(*chunks, last, DONE)


def blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the blocks of a stream together, and see that each is begun, told and ended in turn."""
    found: list[dict[str, Any]] = []
    ended = 0
    for one in events:
        if one["type"] == "content_block_start":
            assert one["index"] == len(found) == ended
            found.append({**one["content_block"]})
        elif one["type"] == "content_block_delta":
            kind, value = next(item for item in one["delta"].items() if item[0] != "type")
            kind = "json" if kind == "partial_json" else kind
            found[one["index"]][kind] = found[one["index"]].get(kind, "") + value
        elif one["type"] == "content_block_stop":
            assert one["index"] == len(found) - 1
            ended += 1
    assert ended == len(found)
    return found


def test_words_come_as_they_are_said() -> None:
    said = Words(model="m", pieces=("Paris", " is"), input_tokens=11, cached_tokens=4)
    events = told(*chat_events(said, usage=True, done=True))
    zeros = dict.fromkeys(
        ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"), 0
    )
    assert events[0]["message"] == {
        "id": "chatcmpl-fault",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": zeros,
    }
    assert [one["type"] for one in events[1:]] == [
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert blocks(events) == [{"type": "text", "text": "Paris is"}]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"] == {**zeros, "input_tokens": 7, "cache_read_input_tokens": 4, "output_tokens": 2}


def test_chunks_of_a_text_are_told_alike_whether_read_or_known_by_what_is_around_it() -> None:
    pieces = (" a", " b", 'c"', "\\", "\n", "😀", "", " d")
    spelt = [event({"choices": [{"index": 0, "delta": {"content": piece}}], "n": 1}) for piece in pieces]
    odd = [event({"choices": [{"index": 0, "delta": {"content": piece}}], "n": at}) for at, piece in enumerate(pieces)]
    other = event({"choices": [{"index": 1, "delta": {"content": "x"}}], "n": 1})
    thought = event({"choices": [{"index": 0, "delta": {"reasoning": "Hm."}}]})
    for events in (spelt, odd, [*spelt, other, thought, *spelt]):
        (*_, block) = blocks(told(*events, DONE))
        assert block == {"type": "text", "text": "".join(pieces)}
        whole = told(b"".join(events), DONE)
        assert whole == told(*events, DONE)


@pytest.mark.parametrize("torn", [b"\xf0\x9f", b"\\ud83d"])
def test_a_text_with_what_is_no_character_is_told_with_a_sign_for_it(torn: bytes) -> None:
    first, other = (event({"choices": [{"index": 0, "delta": {"content": text}}]}) for text in ("a?", "b"))
    broken = first.replace(b"?", torn)
    (block,) = blocks(told(broken, other, broken + other, DONE))
    assert block["text"].replace("\ufffd", "?").replace("??", "?") == "a?ba?b"


def test_what_a_server_says_it_used_from_the_beginning_stands_in_the_first_event() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    events = told(event({"choices": [], "usage": usage}), DONE)
    assert events[0]["message"]["usage"]["input_tokens"] == 9


def test_a_server_that_does_not_say_what_it_used_is_counted() -> None:
    events = told(*chat_events(Words(pieces=("a", "b", "c")), usage=False, done=True))
    assert events[-2]["usage"] == {"output_tokens": 3}


def test_thoughts_words_and_calls_are_blocks_in_turn() -> None:
    events = told_of(
        {"role": "assistant", "content": ""},
        {"reasoning_content": "H"},
        {"reasoning": "m."},
        {"content": "Let me see."},
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "weather", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"town":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"Ulm"}'}}]},
        {"tool_calls": [{"index": 1, "id": "t2", "function": {"name": "time", "arguments": "{}"}}]},
        {"content": [{"text": "Done."}]},
        ending="tool_calls",
    )
    assert blocks(events) == [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {}, "json": '{"town":"Ulm"}'},
        {"type": "tool_use", "id": "t2", "name": "time", "input": {}, "json": "{}"},
        {"type": "text", "text": "Done."},
    ]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_scripted_servers_call() -> None:
    events = told(*chat_events(Words(tool=ToolCall("weather", '{"town":"Ulm"}')), usage=True, done=True))
    (block,) = blocks(events)
    assert (block["name"], block["json"], events[-2]["delta"]["stop_reason"]) == (
        "weather",
        '{"town":"Ulm"}',
        "tool_use",
    )


def test_a_calls_name_is_waited_for() -> None:
    (block,) = blocks(
        told_of(
            {"tool_calls": [{"index": 0}]},
            {"tool_calls": [{"index": 0, "id": "t1", "function": {"arguments": "{"}}]},
            {"tool_calls": [{"index": 0, "function": {"name": "n", "arguments": "}"}}]},
        )
    )
    assert (block["id"], block["name"], block["json"]) == ("call_0", "n", "{}")


def test_a_call_that_never_has_a_name_is_none() -> None:
    events = told_of({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})
    assert (blocks(events), events[-2]["delta"]["stop_reason"]) == ([], "end_turn")


def test_calls_of_one_number_are_told_apart_by_their_ids() -> None:
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in ("t1", "t2")]
    assert [block["id"] for block in blocks(told_of(*({"tool_calls": [call]} for call in calls)))] == ["t1", "t2"]


def test_what_comes_late_of_a_call_is_told_of_that_call() -> None:
    events = told_of(
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "a", "arguments": "{"}}]},
        {"tool_calls": [{"index": 1, "id": "t2", "function": {"name": "b", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"arguments": "}"}}]},
    )
    assert [(one["index"], one["delta"]["partial_json"]) for one in events if one["type"] == "content_block_delta"] == [
        (0, "{"),
        (1, "{}"),
        (0, "}"),
    ]


def test_a_refusal_and_a_stop_sequence() -> None:
    events = told_of({"refusal": "No."})
    assert (blocks(events), events[-2]["delta"]["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")
    assert told_of({"content": "a"}, stop_reason="END")[-2]["delta"] == {
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
    }


def test_other_choices_are_nobodys() -> None:
    other = event({"choices": [{"index": 1, "delta": {"content": "x"}}]})
    assert blocks(told(other, DONE)) == []


def test_a_choice_without_a_delta_says_nothing() -> None:
    assert blocks(told(event({"choices": [{"index": 0, "finish_reason": "stop"}]}), DONE)) == []


def test_signs_of_life_are_pings() -> None:
    assert told(PING, b": hello\n\n") == [{"type": "ping"}] * 2


def test_an_error_breaks_the_stream_off() -> None:
    error = stream_error(GatewayError(ErrorCode.STREAM_INTERRUPTED, "Broken off."))
    events = told(chat_events(Words(), usage=False, done=False)[0], error, DONE)
    assert [one["type"] for one in events] == ["message_start", "error"]
    assert events[-1]["error"]["message"] == "Broken off."


def test_no_error_is_none() -> None:
    assert told(event({"error": None, "choices": []}), DONE)[-1] == {"type": "message_stop"}


def test_an_empty_stream_is_an_empty_message() -> None:
    assert [one["type"] for one in told(DONE, DONE)] == ["message_start", "message_delta", "message_stop"]


def test_what_came_in_the_dialect_is_told_as_it_came() -> None:
    own = b'event: ping\ndata: {"type": "ping"}\n\n'
    along = b'data: {"choices":[]}\nnative-event: ping\nnative-data: {"type": "ping"}\n\n'
    writer = StreamWriter()
    assert writer.feed(along + along.partition(b"\n")[2] + DONE) == own * 2 + MESSAGE_STOP


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_any_spelling_of_the_stream_is_read(end: bytes) -> None:
    stream = b"".join(chat_events(Words(pieces=("Zürich", "!")), usage=True, done=False))
    assert told(stream.replace(b"\n", end), DONE) == told(stream, DONE)
    assert told(stream, b"data:[DONE]\n\n") == told(stream, DONE)
