"""A chat as the Messages request that asks the same."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.from_chat import request_from_chat

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
TOLD: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    "max_tokens": 100,
}
SCHEMA = {"type": "object", "properties": {}}
TOOL = {"type": "function", "function": {"name": "n", "parameters": SCHEMA}}


def told(**members: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    body, left_out = request_from_chat(json.dumps({**ASKED, **members}).encode(), 100)
    return json.loads(body), left_out


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, {}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"temperature": 0.5, "top_p": 0.9, "top_k": 3, "n": 1}, {"temperature": 0.5, "top_p": 0.9, "top_k": 3}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"tools": [TOOL]}, {"tools": [{"name": "n", "input_schema": SCHEMA}]}),
        (
            {"tools": [{"type": "function", "function": {"name": "n", "description": "d", "strict": True}}]},
            {"tools": [{"name": "n", "input_schema": {"type": "object"}, "description": "d", "strict": True}]},
        ),
        ({"tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ({"tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "n"}}},
            {"tool_choice": {"type": "tool", "name": "n"}},
        ),
        ({"parallel_tool_calls": False}, {}),
        (
            {"tools": [TOOL], "parallel_tool_calls": False},
            {
                "tools": [{"name": "n", "input_schema": SCHEMA}],
                "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            },
        ),
        (
            {"tools": [TOOL], "tool_choice": "none", "parallel_tool_calls": False},
            {"tools": [{"name": "n", "input_schema": SCHEMA}], "tool_choice": {"type": "none"}},
        ),
        ({"response_format": {"type": "text"}}, {}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": 1}},
            {"output_config": {"format": {"type": "json_schema", "schema": None}}},
        ),
        ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {}),
        ({"functions": [], "logprobs": False, "audio": None}, {}),
    ],
)
def test_what_is_asked_keeps_its_meaning(members: dict[str, Any], expected: dict[str, Any]) -> None:
    assert told(**members) == ({**TOLD, **expected}, ())


def test_what_stands_before_the_turns_is_the_system() -> None:
    request, _ = told(messages=[{"role": "system", "content": "Be brief."}, *ASKED["messages"]])
    assert request == {**TOLD, "system": [{"type": "text", "text": "Be brief."}]}


def test_what_only_tunes_the_answer_is_left_out_and_named() -> None:
    request, left_out = told(seed=1, logit_bias={}, store=None, messages=[{**ASKED["messages"][0], "name": "Ann"}])
    assert (request, left_out) == (TOLD, ("logit_bias", "seed", "messages.name"))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"functions": [{"name": "n"}]}, "functions"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {"name": "n"}}]}, "tools"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
    ],
)
def test_what_would_be_another_answer_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        told(**members)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, param)
