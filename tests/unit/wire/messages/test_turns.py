"""Turns as messages of a chat."""

import json
from typing import Any

import msgspec
import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.turns import Turns
from gateway.wire.messages.types import Message

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"town": "Ulm"}}
CALLED = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"town":"Ulm"}'}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def turned(*turns: tuple[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    left_out: list[str] = []
    collected = Turns(left_out)
    for at, (role, content) in enumerate(turns):
        raw = msgspec.json.encode({"role": role, "content": content})
        collected.add(msgspec.json.decode(raw, type=Message), f"messages.{at}")
    collected.check_last()
    return collected.messages, left_out


def said(content: Any) -> Any:
    (message,) = turned(("user", content))[0]
    return message["content"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Hi", "Hi"),
        ([], ""),
        ([text("Hi")], "Hi"),
        ([text("Hi"), text("there")], [text("Hi"), text("there")]),
        ([PICTURE], [SHOWN]),
        (
            [{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}],
            [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}],
        ),
        ([{"type": "document", "source": {"type": "text", "data": "All of it"}}], "All of it"),
        (
            [{"type": "document", "title": "T", "context": "C", "source": {"type": "content", "content": "All"}}],
            [text("T"), text("C"), text("All")],
        ),
        (
            [{"type": "document", "source": {"type": "content", "content": [text("a"), PICTURE]}}],
            [text("a"), SHOWN],
        ),
        (
            [{"type": "search_result", "source": "https://a", "title": "T", "content": [text("a"), text("b")]}],
            "T\nhttps://a\na\nb",
        ),
    ],
)
def test_what_a_user_says_and_shows(content: Any, told: Any) -> None:
    assert said(content) == told


def test_a_system_message_in_between_stays_there() -> None:
    messages, _ = turned(("user", "Hi"), ("system", [text("Be kind.")]))
    assert messages[1] == {"role": "system", "content": "Be kind."}


def test_a_tools_result_is_a_message_and_its_pictures_are_the_users() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [text("Sunny"), PICTURE]}
    failed = {"type": "tool_result", "tool_use_id": "t2", "content": "No such town", "is_error": True}
    messages, left_out = turned(
        ("user", "Weather?"),
        ("assistant", [CALL]),
        ("user", [result, failed, {"type": "tool_result", "tool_use_id": "t3"}, text("Well?")]),
    )
    assert messages[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "t1", "content": "Sunny"},
        {"role": "tool", "tool_call_id": "t2", "content": "No such town"},
        {"role": "tool", "tool_call_id": "t3", "content": ""},
        {"role": "user", "content": [SHOWN, text("Well?")]},
    ]
    assert left_out == ["messages.content.is_error"]


def test_results_alone_are_no_message_of_the_users() -> None:
    messages, _ = turned(("user", [{"type": "tool_result", "tool_use_id": "t1", "content": "Sunny"}]))
    assert messages == [{"role": "tool", "tool_call_id": "t1", "content": "Sunny"}]


def test_an_answers_words_thoughts_and_calls_are_one_message() -> None:
    thoughts = [{"type": "thinking", "thinking": thought, "signature": ""} for thought in ("Hm.", "Ah.")]
    messages, left_out = turned(("assistant", [*thoughts, text("Let me see."), CALL]), ("user", "Go on"))
    answer = {"role": "assistant", "content": "Let me see.", "reasoning_content": "Hm.\nAh.", "tool_calls": [CALLED]}
    assert (messages[0], left_out) == (answer, [])


def test_thoughts_that_another_model_signed_are_left_out() -> None:
    signed = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}]
    messages, left_out = turned(("assistant", signed), ("user", "Go on"))
    assert messages[0] == {"role": "assistant", "content": ""}
    assert left_out == ["messages.content.thinking"] * 2


@pytest.mark.parametrize(
    ("role", "content", "param"),
    [
        ("tool", "x", "messages.0.role"),
        ("user", [CALL], "messages.0.content.0.type"),
        ("system", [{"type": "tool_result", "tool_use_id": "t"}], "messages.0.content.0.type"),
        ("assistant", [text("a"), PICTURE], "messages.0.content.1.type"),
        ("assistant", [{**CALL, "input": "Ulm"}], "messages.0.content.0.input"),
        ("assistant", "{", "messages"),
    ],
)
def test_what_a_role_cannot_say_is_refused(role: str, content: Any, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        turned((role, content))
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, param)


def test_arguments_go_on_byte_for_byte() -> None:
    raw = json.dumps({"role": "assistant", "content": [{**CALL, "input": {"n": 1}}]}).encode().replace(b"1}", b"1.00 }")
    turns = Turns([])
    turns.add(msgspec.json.decode(raw, type=Message), "messages.0")
    assert turns.messages[0]["tool_calls"][0]["function"]["arguments"] == '{"n": 1.00 }'
