"""A chat's request is written as a Responses request; what that cannot say is refused, or named if it is harmless."""

import json
from typing import Any

import pytest

from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.wire.responses.request import to_chat
from gateway.wire.responses.request_writer import request_from_chat

HELLO = {"role": "user", "content": "Hello"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}}
PLAIN = {"model": "m", "store": False, "input": [HELLO]}


def write(*messages: dict[str, Any], **members: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Write a chat with these messages and members."""
    chat = {"model": "m", "messages": list(messages or (HELLO,)), **members}
    body, lost = request_from_chat(json.dumps(chat).encode())
    to_chat(body, EdgeLimits())
    request: dict[str, Any] = json.loads(body)
    return request, lost


def refused(*messages: dict[str, Any], **members: Any) -> str | None:
    """Return what of a chat with these messages and members is refused."""
    with pytest.raises(GatewayError) as caught:
        write(*messages, **members)
    return caught.value.param


def items(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Write messages that a request can say wholly; return its input."""
    request, lost = write(*messages)
    assert lost == ()
    said: list[dict[str, Any]] = request["input"]
    return said


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({}, {}),
        ({"max_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_completion_tokens": 7, "max_tokens": 5}, {"max_output_tokens": 7}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"logprobs": True, "top_logprobs": 2}, {"include": ["message.output_text.logprobs"], "top_logprobs": 2}),
        (
            {"reasoning_effort": "low", "verbosity": "low"},
            {"reasoning": {"effort": "low"}, "text": {"verbosity": "low"}},
        ),
        ({"store": True, "user": "u", "temperature": None}, {"store": True, "user": "u"}),
        ({"n": 1, "stop": None}, {}),
        ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
        ),
        (
            {"tools": [TOOL], "tool_choice": "auto"},
            {
                "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
                "tool_choice": "auto",
            },
        ),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "function", "name": "f"}},
        ),
    ],
)
def test_members_have_a_responses_names(members: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert write(**members) == (PLAIN | wanted, ())


@pytest.mark.parametrize(
    ("members", "lost"),
    [
        ({"n": 2}, "n"),
        ({"stop": ["x"]}, "stop"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [{"type": "custom"}]}, "tools.0"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
    ],
)
def test_a_member_that_cannot_be_said_is_refused(members: dict[str, Any], lost: str) -> None:
    assert refused(**members) == lost


def test_a_member_that_only_tunes_the_answer_is_left_out_and_named() -> None:
    assert write(seed=3, logit_bias={"1": 5}) == (PLAIN, ("seed", "logit_bias"))
    assert write({**HELLO, "name": "Ann"}) == (PLAIN, ("messages.name",))


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        ({"role": "function", "content": "x"}, "messages.1.role"),
        ({"role": "user", "content": [{"type": "video_url"}]}, "messages.1.content"),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": 1}]}, "messages.1.tool_calls"),
    ],
)
def test_a_message_that_cannot_be_said_is_refused(message: dict[str, Any], lost: str) -> None:
    assert refused(HELLO, message) == lost


def test_messages_are_items_and_calls_items_of_their_own() -> None:
    assert items(
        {"role": "system", "content": "Be brief"},
        HELLO,
        {"role": "assistant", "content": "Wait", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "warm"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
    ) == [
        {"role": "system", "content": "Be brief"},
        HELLO,
        {"role": "assistant", "content": "Wait"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "warm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
    ]


def test_parts_have_a_responses_names() -> None:
    text, sound = {"type": "text", "text": "x"}, {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    file = {"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}}
    assert items({"role": "user", "content": [text, IMAGE, file, sound]})[0]["content"] == [
        {"type": "input_text", "text": "x"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
        {"type": "input_file", "file_data": "data:x", "filename": "a.pdf"},
        sound,
    ]
    bare = {"type": "image_url", "image_url": {"url": "data:x"}}
    assert items({"role": "user", "content": [bare]})[0]["content"][0]["detail"] == "auto"


def test_refusals_are_parts() -> None:
    no = {"type": "refusal", "refusal": "No"}
    assert items(HELLO, {"role": "assistant", "content": [no]})[1]["content"] == [no]
    assert items(HELLO, {"role": "assistant", "content": None, "refusal": "No"})[1]["content"] == [no]
    both = items(HELLO, {"role": "assistant", "content": "Well", "refusal": "No"})[1]["content"]
    assert both == [{"type": "output_text", "text": "Well"}, no]
