"""A kept answer as a stream, and a stream as an answer to keep."""

import json
from typing import Any

import pytest

from gateway.domain.usage import TokenUsage
from gateway.wire.assemble import assemble
from gateway.wire.replay import replay_stream
from gateway.wire.sse import DONE, decode_events
from gateway.wire.stream_scanner import StreamScanner

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
CHAT: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "reasoning_content": "Hm", "refusal": None, "notes": []},
            "logprobs": {"content": [{"token": "Hi", "logprob": -0.5}], "refusal": None},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "b"}]},
            "logprobs": None,
            "finish_reason": "tool_calls",
        },
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    "system_fingerprint": None,
}
COMPLETION: dict[str, Any] = {
    "id": "c",
    "object": "text_completion",
    "model": "m",
    "choices": [{"index": 0, "text": "Hi", "logprobs": {"tokens": ["Hi"]}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def payloads(stream: bytes) -> list[Any]:
    assert stream.endswith(DONE)
    return [json.loads(event.data) for event in decode_events(stream)[:-1] if event.data]


@pytest.mark.parametrize("answer", [CHAT, COMPLETION])
def test_an_answer_survives_being_told_as_a_stream(answer: dict[str, Any]) -> None:
    stream = replay_stream(json.dumps(answer).encode(), include_usage=True)
    assembled = assemble(stream)
    assert assembled is not None
    assert json.loads(assembled) == answer


@pytest.mark.parametrize("answer", [CHAT, COMPLETION])
def test_usage_is_told_once_and_only_to_who_asked(answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    asked = payloads(replay_stream(body, include_usage=True))
    assert [chunk["usage"] for chunk in asked] == [None] * (len(asked) - 1) + [answer["usage"]]
    assert asked[-1]["choices"] == []
    assert not any("usage" in chunk for chunk in payloads(replay_stream(body, include_usage=False)))


def test_a_stream_begins_with_the_role_and_ends_with_the_reason() -> None:
    chunks = payloads(replay_stream(json.dumps(CHAT).encode(), include_usage=False))
    first = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == 0]
    assert first[0]["delta"] == {"role": "assistant", "refusal": None, "notes": []}
    assert [list(choice["delta"]) for choice in first[1:]] == [["reasoning_content"], ["content"], []]
    assert [choice["finish_reason"] for choice in first] == [None, None, None, "stop"]
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    calls = [chunk["choices"][0]["delta"].get("tool_calls") for chunk in chunks]
    assert [[call["index"] for call in called] for called in calls if called] == [[0, 1]]


def test_a_replayed_stream_reads_like_a_servers() -> None:
    scanner = StreamScanner(include_usage=True)
    scanner.feed(replay_stream(json.dumps(CHAT).encode(), include_usage=True))
    assert (scanner.has_content, scanner.has_tool_calls, scanner.done) == (True, True, True)
    assert scanner.usage == TokenUsage(3, 2)


def test_logprobs_without_text_come_with_the_end() -> None:
    choice = {"index": 0, "message": {"content": ""}, "logprobs": {"content": []}, "finish_reason": "stop"}
    chunks = payloads(replay_stream(json.dumps({"choices": [choice]}).encode(), include_usage=False))
    assert chunks[-1]["choices"][0]["logprobs"] == {"content": []}


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"\\ud800"},"finish_reason":"stop"}]}',
        b'{"choices":[{"message":{"content":"a"},"logprobs":NaN,"finish_reason":"stop"}]}',
        b'{"choices":[null,{"message":{"content":"a","tool_calls":"odd"},"finish_reason":"stop"}]}',
        b'{"choices":[{"message":{"content":"a","tool_calls":["odd"]},"finish_reason":"stop"}]}',
        b'{"choices":[{"message":null,"finish_reason":"stop"}]}',
    ],
)
def test_odd_answers_are_still_told(body: bytes) -> None:
    assert payloads(replay_stream(body, include_usage=False))[-1]["choices"][0]["finish_reason"] == "stop"


def stream_of(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + DONE


def delta(finish_reason: str | None = None, **members: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": members, "finish_reason": finish_reason}]}


def assembled(*chunks: Any, usage: TokenUsage | None = None) -> Any:
    body = assemble(stream_of(*chunks), usage)
    return None if body is None else json.loads(body)


def test_pieces_are_joined_in_order() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    answer = assembled(
        delta(role="assistant", content=""),
        delta(content="a", role="assistant"),
        delta(content="b"),
        delta(content="c", audio={"id": "x", "data": "A"}),
        delta(audio={"data": "B"}),
        delta(audio={"data": "C"}, notes=[1]),
        delta(notes=[2]),
        delta(tool_calls=[call]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "}"}}, {"id": "b"}]),
        delta("stop", content=None),
    )
    message = answer["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": "abc",
        "audio": {"id": "x", "data": "ABC"},
        "notes": [1, 2],
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b"},
        ],
    }
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_logprobs_of_all_chunks_are_kept() -> None:
    chunks = [{"choices": [{"index": 0, "text": text, "logprobs": {"tokens": [text]}}]} for text in "ab"]
    answer = assembled(*chunks, {"choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}]})
    assert answer["choices"][0] == {
        "index": 0,
        "text": "ab",
        "logprobs": {"tokens": ["a", "b"]},
        "finish_reason": "stop",
    }
    assert answer["object"] == "text_completion"


def test_choices_are_told_apart_and_sorted() -> None:
    second = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]}
    answer = assembled(second, delta("stop", content="a"))
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["a", "b"]


def test_usage_is_filled_in_where_the_stream_has_none() -> None:
    usage = TokenUsage(3, 2, 1, 1)
    told = assembled(delta("stop", content="a"), usage=usage)["usage"]
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (3, 2, 5)
    assert told["prompt_tokens_details"] == {"cached_tokens": 1}
    own = {"prompt_tokens": 7, "completion_tokens": 7}
    assert assembled(delta("stop", content="a"), {"choices": [], "usage": own}, usage=usage)["usage"] == own
    assert "usage" not in assembled(delta("stop", content="a"))


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (delta(content="a"),),
        (delta("stop", content="a"), {"error": {"message": "x"}}),
        (delta("stop", content="a"), {"object": "error"}),
        (delta("stop", content="a"), []),
        ({"choices": ["odd"]},),
        ({"choices": [{"index": "0"}]},),
        (delta("stop", tool_calls=["odd"]),),
        (delta("stop", tool_calls=[{"index": "0"}]),),
        ({"choices": [{"index": 0, "finish_reason": "stop"}, {"index": 1, "delta": {}}]},),
    ],
)
def test_a_stream_without_a_whole_answer_gives_none(chunks: tuple[Any, ...]) -> None:
    assert assembled(*chunks) is None


@pytest.mark.parametrize("stream", [b"data: <html>\n\n", b"data: {\n\n", b'data: {"a":"\xff"}\n\n', b""])
def test_what_is_no_stream_of_chunks_gives_none(stream: bytes) -> None:
    assert assemble(stream) is None


def test_empty_data_and_what_follows_the_end_are_passed_over() -> None:
    stream = b"data:\n\n" + stream_of(delta("stop", content="a")) + b"data: garbage\n\n"
    assert assemble(stream) is not None


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": {"index": 0}},
        {"choices": [{"index": 0, "delta": {"tool_calls": {"a": 1}}, "finish_reason": "stop"}]},
    ],
)
def test_one_thing_where_a_list_should_be_is_no_answer_to_keep(chunk: dict[str, Any]) -> None:
    assert assemble(b"data: " + json.dumps(chunk).encode() + b"\n\n" + DONE) is None
