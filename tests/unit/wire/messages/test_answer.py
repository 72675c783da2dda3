"""A chat's answer as a message."""

import json
from typing import Any

import pytest

from gateway.wire.messages.answer import answer_from_chat
from tests.support.openai_bodies import ToolCall, Words, chat_answer

CALL = ToolCall("weather", '{"town":"Ulm"}')


def told(body: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(answer_from_chat(body))
    return message


def told_of(message: Any, **choice: Any) -> dict[str, Any]:
    return told(json.dumps({"choices": [{"message": message, "finish_reason": "stop", **choice}]}).encode())


def test_words_and_what_they_used() -> None:
    assert told(chat_answer(Words(model="m", pieces=("Paris", "."), input_tokens=11, cached_tokens=4))) == {
        "id": "chatcmpl-fault",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Paris."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 2,
        },
    }


def test_a_call_of_a_tool() -> None:
    message = told(chat_answer(Words(tool=CALL)))
    assert message["content"] == [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"town": "Ulm"}}]
    assert message["stop_reason"] == "tool_use"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_thoughts_come_before_words(name: str) -> None:
    assert told_of({name: "Hm.", "content": [{"text": "Pa"}, {"text": "ris"}, 1]})["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "text", "text": "Paris"},
    ]


def test_a_refusal_is_told_as_one() -> None:
    message = told_of({"refusal": "No."})
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_the_stop_sequence_that_ended_it() -> None:
    message = told_of({"content": "a"}, stop_reason="END")
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (None, {}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ('{"a":', {"INVALID_JSON": '{"a":'}),
    ],
)
def test_arguments_are_an_object(arguments: Any, given: dict[str, Any]) -> None:
    (block,) = told_of({"tool_calls": [{"function": {"name": "n", "arguments": arguments}}]})["content"]
    assert block == {"type": "tool_use", "id": "call_0", "name": "n", "input": given}


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":"x"}}',
        b'{"choices":[{"message":{"content":"a","tool_calls":[1,{"function":2}]}}],"usage":null}',
        b'{"choices":[{"message":{"content":"a"}}],"x":NaN}',
    ],
)
def test_what_is_odd_is_passed_over(body: bytes) -> None:
    message = told(body)
    assert message["content"] == [{"type": "text", "text": "a"}]
    assert (message["id"], message["model"], message["usage"]["output_tokens"]) == ("msg_unnamed", "", 0)


def test_half_a_character_is_told_as_a_question_mark() -> None:
    assert told(b'{"choices":[{"message":{"content":"a\\ud800"}}]}')["content"] == [{"type": "text", "text": "a?"}]


@pytest.mark.parametrize("body", [b'{"choices":[{}]}', b'{"choices":[]}', b'{"choices":[{"message":1}]}'])
def test_an_answer_of_nothing(body: bytes) -> None:
    message = told(body)
    assert (message["content"], message["stop_reason"]) == ([], "end_turn")
