"""A response is read as the chat's answer that says the same."""

import json
from typing import Any

import pytest

from gateway.wire.openai_response import AnswerMalformed, read_answer
from gateway.wire.responses.answer import answer_from_chat
from gateway.wire.responses.answer_reader import answer_to_chat
from gateway.wire.responses.reading import load
from tests.unit.wire.responses.answers import ECHO, TOKEN, USAGE, call, whole


def response(*items: dict[str, Any], **members: Any) -> bytes:
    """A response with these items."""
    return json.dumps({"id": "resp_7", "created_at": 5.5, "model": "m", "output": items, **members}).encode()


def read(*items: dict[str, Any], **members: Any) -> tuple[dict[str, Any], bool]:
    """Read a response; tell whether all of it was read."""
    body, is_lossless = answer_to_chat(response(*items, **members), 7)
    answer: dict[str, Any] = json.loads(body)
    return answer, is_lossless


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    """A message of these parts."""
    return {"type": "message", "role": "assistant", "content": list(parts)}


@pytest.mark.parametrize("ending", ["stop", "length", "content_filter", "tool_calls"])
def test_what_was_a_chats_answer_is_one_again(ending: str) -> None:
    calls = {"tool_calls": [call(), call("{}", id="call_2")]} if ending == "tool_calls" else {}
    message = {"content": "Well", "refusal": "no", "reasoning_content": "Hm", **calls}
    body, is_lossless = answer_to_chat(answer_from_chat(whole(message, ending), ECHO), 7)
    answer = json.loads(body)
    assert is_lossless
    assert answer["choices"][0]["message"] == {"role": "assistant", **message}
    assert (answer["choices"][0]["finish_reason"], answer["usage"]) == (ending, USAGE)
    assert (answer["id"], answer["created"], answer["model"]) == ("chatcmpl-7", 1_700_000_000, "m")
    assert read_answer(body).finish_reason == ending


def test_what_the_model_thought_is_its_own_words_or_their_summary() -> None:
    own = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "a"}], "summary": []}
    short = {"type": "reasoning", "summary": [{"type": "summary_text", "text": t} for t in ("b", "c")]}
    answer, is_lossless = read(own, short)
    assert answer["choices"][0]["message"]["reasoning_content"] == "a\n\nb\n\nc"
    assert is_lossless


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "reasoning", "summary": [{"text": "a"}], "content": [{"text": "b"}]},
        said({"type": "output_text", "text": "x", "annotations": [{"type": "url_citation"}]}),
        said({"type": "output_audio"}),
        {},
    ],
)
def test_what_a_chat_cannot_say_is_told_to_be_lost(item: dict[str, Any]) -> None:
    assert not read(item)[1]


def test_how_likely_tokens_were_is_kept() -> None:
    answer, _ = read(said({"type": "output_text", "text": "Hi", "annotations": [], "logprobs": [TOKEN]}))
    assert answer["choices"][0]["logprobs"] == {"content": [TOKEN], "refusal": None}


def test_an_answer_without_words_is_one() -> None:
    answer, _ = read(created_at="now", usage={"input_tokens": True, "output_tokens": "x"})
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": None}
    assert "usage" not in read(usage=None)[0]
    assert answer["created"] == 7


def test_an_incomplete_answer_without_a_reason_was_too_long() -> None:
    assert read(status="incomplete")[0]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "It broke"}}, "It broke"),
        ({"error": {"message": "It broke"}}, "It broke"),
        ({"status": "failed", "error": None}, "The model server gave no reason."),
    ],
)
def test_a_response_that_failed_is_an_error(members: dict[str, Any], message: str) -> None:
    body, _ = answer_to_chat(response(**members), 7)
    assert read_answer(body).error == message


def test_what_is_json_to_a_lenient_reader_alone_is_read() -> None:
    assert load(b'{"a":"x\\ud800y"}') == {"a": "x?y"}
    body = b'{"created_at":%b,"n":NaN,"usage":{"input_tokens":%b}}' % (b"9" * 400, b"9" * 30)
    assert json.loads(answer_to_chat(body, 7)[0])["created"] == 7


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(AnswerMalformed):
        load(body)
