"""Messages of a chat as turns."""

from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.from_turns import messages_of


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def turns_of(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    return messages_of(list(messages), [])[1]


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ("Hi", [text("Hi")]),
        (None, []),
        ([text("a"), text("b")], [text("a"), text("b")]),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}],
        ),
        (
            [{"type": "image_url", "image_url": "https://a/b.png"}],
            [{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}],
        ),
    ],
)
def test_what_a_user_says_and_shows(content: Any, blocks: Any) -> None:
    assert turns_of({"role": "user", "content": content}) == [{"role": "user", "content": blocks}]


def test_results_and_what_follows_them_are_one_turn_of_the_users() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"town":"Ulm"}'}}
    turns = turns_of(
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "Sunny"},
        {"role": "tool", "tool_call_id": "t2", "content": [text("Wet")]},
        {"role": "user", "content": "Well?"},
    )
    assert turns == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"town": "Ulm"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "Sunny"},
                {"type": "tool_result", "tool_use_id": "t2", "content": [text("Wet")]},
                text("Well?"),
            ],
        },
    ]


def test_what_is_told_in_advance_and_what_in_between() -> None:
    system, turns = messages_of(
        [
            {"role": "developer", "content": "a"},
            {"role": "system", "content": "b"},
            {"role": "user", "content": "c"},
            {"role": "system", "content": "d"},
        ],
        [],
    )
    assert system == [text("a"), text("b")]
    assert turns[1] == {"role": "system", "content": [text("d")]}


def test_an_answer_that_refused_and_one_that_said_nothing() -> None:
    turns = turns_of({"role": "assistant", "content": "", "refusal": "No."}, {"role": "assistant", "content": ""})
    assert [turn["content"] for turn in turns] == [[text("No.")], []]


def test_what_is_left_out_is_named() -> None:
    left_out: list[str] = []
    messages_of([{"role": "assistant", "content": "a", "reasoning_content": "b", "audio": None}], left_out)
    assert left_out == ["messages.reasoning_content"]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "function", "content": "x"},
        {"role": "user", "content": [{"type": "input_audio"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "tool_calls": [{"type": "custom"}]},
        {"role": "assistant", "tool_calls": [7]},
        {"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]},
        {"role": "assistant", "tool_calls": [{"function": {"arguments": 5}}]},
    ],
)
def test_what_cannot_be_said_is_refused_by_its_place(message: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as raised:
        turns_of({"role": "user", "content": "Hi"}, message)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, "messages.1")
