"""A chat's whole answer is told as a response, as OpenAI's own types have it."""

import json
from typing import Any

import pytest

from gateway.wire.responses.answer import answer_from_chat
from gateway.wire.responses.chat import read_chat
from gateway.wire.responses.echo import echo
from gateway.wire.responses.output import Names
from tests.unit.wire.responses.answers import ECHO, REQUEST, TOKEN, call, response_of, whole


def told(message: dict[str, Any], ending: str = "stop", **members: Any) -> dict[str, Any]:
    """Translate an answer."""
    return response_of(answer_from_chat(whole(message, ending, **members), ECHO))


def test_a_text_is_a_message() -> None:
    response = told({"content": "Hello"})
    assert (response["id"], response["object"], response["status"]) == ("resp_7", "response", "completed")
    assert (response["model"], response["created_at"], response["error"]) == ("m", 1_700_000_000, None)
    assert response["output"] == [
        {
            "type": "message",
            "id": "msg_7_0",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
        }
    ]


def test_the_usage_has_the_same_counts() -> None:
    assert told({"content": "x"})["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 13,
    }
    assert told({"content": "x"}, usage=None)["usage"] is None


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_a_thought_comes_first_as_a_summary(name: str) -> None:
    thought, message = told({"content": "x", name: "Hm"})["output"]
    assert thought == {"type": "reasoning", "id": "rs_7_0", "summary": [{"type": "summary_text", "text": "Hm"}]}
    assert message["id"] == "msg_7_1"


def test_calls_are_items() -> None:
    output = told({"content": "Let me look", "tool_calls": [call(), call("{}", id="call_2")]}, "tool_calls")["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    assert output[1] == {
        "type": "function_call",
        "id": "fc_7_1",
        "status": "completed",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"town":"Paris"}',
    }


def test_a_refusal_is_a_part() -> None:
    content = told({"content": None, "refusal": "No"})["output"][0]["content"]
    assert content == [{"type": "refusal", "refusal": "No"}]
    both = told({"content": "Well", "refusal": "no"})["output"][0]["content"]
    assert [part["type"] for part in both] == ["output_text", "refusal"]


@pytest.mark.parametrize(("ending", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_unfinished_answer_is_incomplete_in_its_last_item(ending: str, why: str) -> None:
    response = told({"content": "He"}, ending)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": why})
    assert response["output"][0]["status"] == "incomplete"
    cut = told({"content": "He", "tool_calls": [call(), call()]}, ending)["output"]
    assert [item["status"] for item in cut] == ["completed", "completed", "incomplete"]


def test_how_likely_tokens_were_is_told_with_the_text() -> None:
    top = {"token": "Hi", "bytes": None, "logprob": -0.5}
    choice = {
        "message": {"content": "Hi"},
        "finish_reason": "stop",
        "logprobs": {"content": [{**TOKEN, "top_logprobs": [top]}]},
    }
    part = told({}, choices=[choice])["output"][0]["content"][0]
    assert part["logprobs"] == [{**TOKEN, "top_logprobs": [{"token": "Hi", "bytes": [], "logprob": -0.5}]}]


def test_an_answer_without_a_name_or_words_is_still_a_response() -> None:
    response = response_of(answer_from_chat(b'{"choices":[]}', ECHO))
    assert (response["id"], response["output"], response["created_at"]) == ("resp_0", [], 0)
    assert told({"content": ""})["output"] == []
    assert told({}, choices=[{"finish_reason": "stop"}])["output"] == []


def test_a_response_stays_as_it_is() -> None:
    body = b'{"object": "response", "output": []}'
    assert answer_from_chat(body, ECHO) == body


def test_names_are_made_of_the_chats() -> None:
    assert Names("chatcmpl-abc").response == b'"resp_abc"'
    assert Names("abc").item("fc", 2) == b'"fc_abc_2"'
    assert Names(None).response == b'"resp_0"'


def test_what_has_an_unexpected_type_is_passed_over() -> None:
    body = (
        b'{"id":7,"created":"today","model":"m","usage":{"prompt_tokens":"9","completion_tokens":4},'
        b'"choices":[3,{"message":{"content":[{"type":"text","text":"Hel"},3,{"text":5},{"text":"lo"}],"refusal":5,'
        b'"tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}},{"id":"d","function":5}]}}]}'
    )
    response = response_of(answer_from_chat(body, ECHO))
    message, called, empty = response["output"]
    assert (response["id"], message["content"][0]["text"]) == ("resp_0", "Hello")
    assert (called["arguments"], empty["call_id"], empty["name"]) == ('{"a":1}', "d", "")
    assert response["usage"]["output_tokens"] == 4


def test_what_is_json_to_a_lenient_reader_alone_is_read() -> None:
    response = response_of(answer_from_chat(b'{"choices":[{"message":{"content":"a\\ud800b"}}]}', ECHO))
    assert response["output"][0]["content"][0]["text"] == "a?b"


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000])
def test_what_is_no_object_says_nothing(body: bytes) -> None:
    assert read_chat(body).choices is None


def test_a_response_repeats_its_request() -> None:
    asked = {
        "model": "auto",
        "input": "x",
        "instructions": "Be brief",
        "max_output_tokens": 7,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "temperature": 0.5,
        "text": {"verbosity": "low", "format": None},
        "tool_choice": {"type": "function", "name": "f"},
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "truncation": "auto",
        "store": True,
    }
    response = response_of(answer_from_chat(whole({"content": "x"}), echo(json.dumps(asked).encode())))
    for name in ("instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "temperature", "tool_choice"):
        assert response[name] == asked[name]
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert response["tools"] == [
        {"type": "function", "name": "f", "parameters": {}, "description": None, "strict": None}
    ]
    assert (response["truncation"], response["store"]) == ("auto", False)


def test_what_was_not_asked_for_has_its_default() -> None:
    response = response_of(answer_from_chat(whole({"content": "x"}), echo(REQUEST)))
    assert (response["tool_choice"], response["tools"], response["truncation"]) == ("auto", [], "disabled")
    assert (response["parallel_tool_calls"], response["metadata"], response["background"]) == (True, {}, False)
