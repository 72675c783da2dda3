"""A Messages request becomes the chat that asks the same; what no chat can say is refused by its own name."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.wire.messages.request import CARRIED_AS_THEY_ARE, NOT_CARRIED, ChatForm, to_chat

LIMITS = EdgeLimits()
ASKED: dict[str, Any] = {"model": "auto", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}}
TOOL: dict[str, Any] = {"name": "weather", "description": "Tells it", "input_schema": SCHEMA}


def form_of(body: bytes | None = None, **members: Any) -> ChatForm:
    return to_chat(json.dumps({**ASKED, **members}).encode() if body is None else body, LIMITS)


def chat_of(**members: Any) -> dict[str, Any]:
    chat: dict[str, Any] = json.loads(form_of(**members).chat)
    return chat


def refused(body: bytes | None = None, **members: Any) -> tuple[ErrorCode, str | None]:
    with pytest.raises(GatewayError) as raised:
        form_of(body, **members)
    return raised.value.code, raised.value.param


def left_to_its_own_api(**members: Any) -> tuple[ErrorCode, str | None]:
    form = form_of(**members)
    assert form.refusal is not None
    assert (form.apart, form.not_carried) == (form.body, ())
    return form.refusal.code, form.refusal.param


def test_the_least_of_a_request() -> None:
    form = form_of()
    assert json.loads(form.chat) == ASKED
    assert (form.not_carried, form.apart) == ((), b"")


def test_a_byte_order_mark_is_no_part_of_the_body() -> None:
    assert form_of(b"\xef\xbb\xbf" + json.dumps(ASKED).encode()).body.startswith(b"{")


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}], "Be brief.\n\nBe kind."),
    ],
)
def test_what_the_model_is_told_in_advance_comes_first(system: Any, told: str) -> None:
    assert chat_of(system=system)["messages"] == [{"role": "system", "content": told}, *ASKED["messages"]]


@pytest.mark.parametrize("system", [None, []])
def test_nothing_told_in_advance_is_no_message(system: Any) -> None:
    assert chat_of(system=system)["messages"] == ASKED["messages"]


def test_members_that_mean_the_same_keep_their_values() -> None:
    sampling: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "top_k": 40}
    extra = dict.fromkeys(CARRIED_AS_THEY_ARE, 1)
    chat = chat_of(**sampling, **extra, stop_sequences=["END"], metadata={"user_id": "u-1"})
    assert chat == {**ASKED, **sampling, **extra, "stop": ["END"], "user": "u-1"}
    assert chat_of(metadata={}) == ASKED


def test_a_stream_always_tells_its_usage() -> None:
    assert chat_of(stream=True) == {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    assert chat_of(stream=False) == ASKED


def test_tools_are_functions() -> None:
    (tool, strict) = chat_of(tools=[{**TOOL, "type": "custom"}, {"name": "n", "input_schema": {}, "strict": True}])[
        "tools"
    ]
    function = {"name": "weather", "description": "Tells it", "parameters": SCHEMA}
    assert tool == {"type": "function", "function": function}
    assert strict == {"type": "function", "function": {"name": "n", "parameters": {}, "strict": True}}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            {
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
                "parallel_tool_calls": False,
            },
        ),
    ],
)
def test_which_tool_must_be_called(choice: dict[str, Any], told: dict[str, Any]) -> None:
    assert chat_of(tool_choice=choice) == {**ASKED, **told}


@pytest.mark.parametrize("place", ["output_format", "output_config"])
def test_what_the_answer_must_look_like(place: str) -> None:
    wanted = {"type": "json_schema", "schema": SCHEMA}
    chat = chat_of(**{place: wanted if place == "output_format" else {"format": wanted}})
    schema = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert chat["response_format"] == {"type": "json_schema", "json_schema": schema}


@pytest.mark.parametrize(("effort", "told"), [("low", "low"), ("max", "xhigh")])
def test_how_much_work_goes_into_it(effort: str, told: str) -> None:
    assert chat_of(output_config={"effort": effort})["reasoning_effort"] == told


def test_what_is_left_out_is_named_and_tells_requests_apart() -> None:
    members: dict[str, Any] = {name: {"type": "adaptive"} for name in NOT_CARRIED}
    form = form_of(
        **members,
        system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}, "citations": None}],
        tools=[{**TOOL, "defer_loading": True}],
    )
    assert form.not_carried == ("cache_control", "citations", *NOT_CARRIED, "tools.defer_loading")
    assert json.loads(form.apart) == members
    assert form_of(thinking=None).apart == form_of().apart == b""


def test_what_only_anthropics_servers_have_may_be_declined() -> None:
    assert chat_of(container=None, mcp_servers=[]) == ASKED


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"colour": 1}, "colour"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": "x", "name": "n"}]}, "messages.0.name"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"tools": [{"type": "web_search_20260318", "name": "web_search", "max_uses": 1}]}, "tools.0.type"),
        ({"tools": [{"name": "n"}]}, "tools.0.input_schema"),
        ({"tools": [{**TOOL, "colour": 1}]}, "tools.0.colour"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"container": "c-1"}, "container"),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]}, "messages"),
    ],
)
def test_what_no_chat_can_say_is_left_to_servers_of_the_api_and_named_by_its_place(
    members: dict[str, Any], param: str
) -> None:
    assert left_to_its_own_api(**members) == (ErrorCode.INVALID_VALUE, param)


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"messages": "Hi"}, (ErrorCode.INVALID_VALUE, "messages")),
        ({"model": 5}, (ErrorCode.INVALID_VALUE, "model")),
        ({"api_base": "http://elsewhere"}, (ErrorCode.FORBIDDEN_FIELD, "api_base")),
        ({"mcp_servers": [{"url": "http://elsewhere"}]}, (ErrorCode.FORBIDDEN_FIELD, "mcp_servers")),
    ],
)
def test_what_no_server_may_be_asked_is_refused(members: dict[str, Any], refusal: tuple[ErrorCode, str]) -> None:
    assert refused(**members) == refusal


def test_limits_are_told_in_the_clients_own_words() -> None:
    assert refused(stop_sequences=["a"] * (LIMITS.stop + 1)) == (ErrorCode.LIMIT_EXCEEDED, "stop_sequences")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.MALFORMED_BODY),
        (b'{"model":"a"', ErrorCode.MALFORMED_BODY),
        (b'{"model":"\xff","max_tokens":1,"messages":[]}', ErrorCode.MALFORMED_BODY),
        (b"[" * 9_999, ErrorCode.TOO_DEEP),
        (
            b'{"model":"a","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n",'
            b'"input":{"a":"\xff"}}]}]}',
            ErrorCode.MALFORMED_BODY,
        ),
        (b'{"model":"a","model":"b","max_tokens":1,"messages":[]}', ErrorCode.DUPLICATE_KEY),
        (b'{"model":"a","model":"b","max_tokens":"x","messages":[]}', ErrorCode.DUPLICATE_KEY),
        (b'{"model":"a","max_tokens":"x","messages":[],"x":"\xff"}', ErrorCode.INVALID_VALUE),
        (b'{"model":"a","max_tokens":1,"messages":[],"thinking":1e999}', ErrorCode.INVALID_VALUE),
    ],
)
def test_bytes_that_are_no_request(body: bytes, code: ErrorCode) -> None:
    assert refused(body)[0] is code


def test_a_count_needs_no_length_of_the_answer() -> None:
    body = json.dumps({"model": "auto", "messages": ASKED["messages"]}).encode()
    assert "max_tokens" not in json.loads(to_chat(body, LIMITS, counts=True).chat)


def test_depth_beyond_the_readers_own_is_told_as_depth() -> None:
    body = b'{"model":"a","max_tokens":1,"messages":[],"thinking":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    with pytest.raises(GatewayError) as raised:
        to_chat(body, EdgeLimits(depth=100_000, body_bytes=1_000_000))
    assert raised.value.code is ErrorCode.TOO_DEEP
