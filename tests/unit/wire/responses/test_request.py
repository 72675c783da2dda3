"""A request is translated into the chat that asks the same; what a chat cannot ask is named or refused."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.openai_request import canonicalise
from gateway.wire.responses.request import ChatForm, to_chat

LIMITS = EdgeLimits()


def translate(limits: EdgeLimits = LIMITS, **members: Any) -> ChatForm:
    """Translate a request with these members."""
    return to_chat(json.dumps({"model": "auto", "input": "Hello", **members}).encode(), limits)


def chat_of(**members: Any) -> dict[str, Any]:
    """Return the chat that a request becomes, which every stage behind takes."""
    form = translate(**members)
    canonicalise(Operation.CHAT, form.chat, LIMITS)
    chat: dict[str, Any] = json.loads(form.chat)
    return chat


def refusal(limits: EdgeLimits = LIMITS, **members: Any) -> GatewayError:
    """Return the error that a request is answered with."""
    with pytest.raises(GatewayError) as caught:
        translate(limits, **members)
    return caught.value


def test_a_text_is_what_a_user_says() -> None:
    assert chat_of() == {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}


def test_instructions_come_first_as_the_systems() -> None:
    messages = chat_of(instructions="Be brief", input=[{"role": "user", "content": "Hello"}])["messages"]
    assert messages == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]


def test_a_stream_is_asked_for_its_usage() -> None:
    chat = chat_of(stream=True, stream_options={"include_obfuscation": False})
    assert (chat["stream"], chat["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in chat_of(stream=False)


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"max_output_tokens": 7}, {"max_completion_tokens": 7}),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"reasoning": {"effort": "low", "mode": "standard"}}, {"reasoning_effort": "low"}),
        ({"reasoning": {}}, {}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"top_logprobs": 0}, {}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        ({"user": "u", "prompt_cache_key": "k", "seed": 3}, {"user": "u", "prompt_cache_key": "k", "seed": 3}),
        ({"service_tier": "flex", "ignore_eos": True}, {"service_tier": "flex", "ignore_eos": True}),
        ({"store": False, "truncation": "disabled", "background": False, "metadata": {"a": "b"}}, {}),
        ({"previous_response_id": None, "conversation": None, "user": None}, {}),
        ({"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}, {}),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
    ],
)
def test_members_have_a_chats_names(members: dict[str, Any], wanted: dict[str, Any]) -> None:
    form = translate(**members)
    assert (form.not_carried, form.apart, form.refusal) == ((), b"", None)
    chat = chat_of(**members)
    assert {name: value for name, value in chat.items() if name not in ("model", "messages")} == wanted


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"store": True}, "store"),
        ({"truncation": "auto"}, "truncation"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"include": ["reasoning.encrypted_content"]}, "include.reasoning.encrypted_content"),
        ({"reasoning": {"summary": "auto"}}, "reasoning.summary"),
        ({"reasoning": {"generate_summary": "concise"}}, "reasoning.generate_summary"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"image": {"context_compression": "auto"}}, "image"),
        ({"top_logprobs": 2}, "top_logprobs"),
    ],
)
def test_what_the_answer_does_not_need_is_named(members: dict[str, Any], name: str) -> None:
    form = translate(**members)
    assert form.not_carried == (name,)
    assert form.apart
    assert form.chat == translate().chat


def test_requests_that_differ_in_what_is_left_out_lie_apart() -> None:
    assert translate(truncation="auto", store=True).apart != translate(store=True).apart
    assert translate(reasoning={"summary": "auto"}).apart != translate(reasoning={"summary": "detailed"}).apart


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"access_programs": {"cyber": "standard"}}, "access_programs"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ],
)
def test_what_only_a_server_of_the_dialect_can_do_is_refused_elsewhere(members: dict[str, Any], param: str) -> None:
    error = translate(**members).refusal
    assert error is not None
    assert (error.code, error.param, error.status) == (ErrorCode.INVALID_VALUE, param, 400)


def test_what_such_a_server_is_asked_is_the_same_only_if_all_of_it_is() -> None:
    asked = translate(previous_response_id="resp_1")
    assert asked.apart == asked.body


def test_the_first_thing_that_cannot_be_asked_is_told() -> None:
    error = translate(prompt={"id": "p"}, conversation="c").refusal
    assert error is not None
    assert error.param == "prompt"


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"input": None}, ErrorCode.INVALID_VALUE, "input"),
        ({"input": []}, ErrorCode.INVALID_VALUE, "input"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, ErrorCode.INVALID_VALUE, "input"),
        ({"model": 3}, ErrorCode.INVALID_VALUE, "model"),
        ({"max_output_tokens": -1}, ErrorCode.INVALID_VALUE, "max_output_tokens"),
        ({"max_output_tokens": 2**31}, ErrorCode.LIMIT_EXCEEDED, "max_output_tokens"),
        ({"top_logprobs": 21}, ErrorCode.LIMIT_EXCEEDED, "top_logprobs"),
        ({"metadata": {"a": 1}}, ErrorCode.INVALID_VALUE, "metadata"),
        ({"truncation": "sometimes"}, ErrorCode.INVALID_VALUE, "truncation"),
        ({"messages": []}, ErrorCode.INVALID_VALUE, "messages"),
        ({"response_format": {"type": "text"}}, ErrorCode.INVALID_VALUE, "response_format"),
        ({"n": 2}, ErrorCode.INVALID_VALUE, "n"),
        ({"api_key": "x"}, ErrorCode.FORBIDDEN_FIELD, "api_key"),
        ({"metadata": {"base_url": "x"}}, ErrorCode.FORBIDDEN_FIELD, "metadata.base_url"),
        ({"background": True}, ErrorCode.INVALID_VALUE, "background"),
    ],
)
def test_what_is_wrong_is_named_in_the_clients_terms(members: dict[str, Any], code: ErrorCode, param: str) -> None:
    error = refusal(**members)
    assert error.code is code
    assert (error.param or "").startswith(param)


def test_tools_and_how_many_may_be_called_at_once_go_along() -> None:
    chat = chat_of(tools=[{"type": "function", "name": "f", "parameters": {}}], parallel_tool_calls=False)
    assert (chat["tools"][0]["function"]["name"], chat["parallel_tool_calls"]) == ("f", False)


def test_counts_are_limited_by_the_names_that_the_client_knows() -> None:
    said = [{"role": "user", "content": "x"}] * 3
    limits = EdgeLimits(messages=3, tools=1)
    assert translate(limits, input=said).refusal is None
    assert refusal(limits, input=said, instructions="y").param == "input"
    tool = {"type": "function", "name": "f", "parameters": {}}
    assert refusal(limits, tools=[tool, tool]).param == "tools"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", ErrorCode.INVALID_VALUE),
        (b"{", ErrorCode.MALFORMED_BODY),
        (b'{"model":"\xff"}', ErrorCode.MALFORMED_BODY),
        (b'{"model":"a","model":"b","input":"x"}', ErrorCode.DUPLICATE_KEY),
        (b'{"model":"a","input":"x","y":' + b"[" * 40 + b"]" * 40 + b"}", ErrorCode.TOO_DEEP),
        (b'{"model":"a","input":"' + b"x" * 150 + b'"}', ErrorCode.BODY_TOO_LARGE),
    ],
)
def test_a_body_that_is_not_sound_is_refused(body: bytes, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as caught:
        to_chat(body, EdgeLimits(body_bytes=150))
    assert caught.value.code is code


def test_nesting_beyond_what_a_decoder_takes_is_too_deep() -> None:
    body = b'{"model":"a","input":"x","y":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(GatewayError) as caught:
        to_chat(body, EdgeLimits(depth=1_000_000))
    assert caught.value.code is ErrorCode.TOO_DEEP


def test_a_byte_order_mark_is_dropped() -> None:
    body = b'{"model":"a","input":"x"}'
    assert to_chat(b"\xef\xbb\xbf" + body, LIMITS).body == body
