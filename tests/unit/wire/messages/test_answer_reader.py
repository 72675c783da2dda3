"""A whole message as a chat's answer."""

import json
from typing import Any

import pytest

from gateway.wire.messages.answer import answer_from_chat
from gateway.wire.messages.answer_reader import answer_to_chat
from gateway.wire.openai_response import AnswerMalformed, read_answer
from tests.support.anthropic_bodies import SIGNED, message
from tests.support.openai_bodies import ToolCall, Words, dump

CALL = ToolCall("weather", '{"town":"Ulm"}', id="t1")


def read(*blocks: Any, said: Words | None = None, **members: Any) -> tuple[dict[str, Any], bool]:
    chat, is_lossless = answer_to_chat(dump(message(said or Words(pieces=("Paris.",)), *blocks, **members)), 7)
    return json.loads(chat), is_lossless


def test_words_and_what_they_used() -> None:
    answer, is_lossless = read(said=Words(model="m", pieces=("Paris.",), input_tokens=11, cached_tokens=4))
    choice = {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}
    assert (answer["id"], answer["created"], answer["model"], answer["choices"]) == ("msg_1", 7, "m", [choice])
    assert answer["usage"]["prompt_tokens"] == 11
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert is_lossless


def test_a_call_of_a_tool() -> None:
    answer, is_lossless = read(said=Words(tool=CALL))
    (choice,) = answer["choices"]
    function = {"name": "weather", "arguments": '{"town":"Ulm"}'}
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t1", "type": "function", "function": function}],
    }
    assert (choice["finish_reason"], is_lossless) == ("tool_calls", True)


@pytest.mark.parametrize(
    ("block", "is_lossless"),
    [
        (SIGNED, False),
        ({**SIGNED, "signature": ""}, True),
        ({"type": "redacted_thinking", "data": "x"}, False),
        ({"type": "text", "text": "", "citations": []}, False),
        ({"type": "text", "text": "", "citations": None}, True),
    ],
)
def test_whether_a_chat_says_all_of_it(block: dict[str, Any], is_lossless: bool) -> None:
    answer, told = read(block)
    assert told is is_lossless
    thought = answer["choices"][0]["message"].get("reasoning_content")
    assert thought == (block["thinking"] if block["type"] == "thinking" else None)


def test_an_end_that_chats_do_not_have() -> None:
    answer, is_lossless = read(stop_reason="pause_turn")
    assert (answer["choices"][0]["finish_reason"], is_lossless) == ("stop", False)


def test_an_error_stays_one() -> None:
    body = dump({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})
    chat, is_lossless = answer_to_chat(body, 7)
    assert (read_answer(chat).error, is_lossless) == ("Busy", False)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"content":1}', b"\xff"])
def test_what_is_no_message_is_malformed(body: bytes) -> None:
    with pytest.raises(AnswerMalformed):
        answer_to_chat(body, 7)


def test_a_message_that_is_one_already_stays_as_it_is() -> None:
    body = dump(message(Words(), SIGNED))
    assert answer_from_chat(body) == body
