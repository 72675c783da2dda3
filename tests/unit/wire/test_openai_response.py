"""What a whole answer says, and what is no answer."""

import json
from typing import Any

import pytest

from gateway.domain.usage import TokenUsage
from gateway.wire.openai_response import AnswerMalformed, read_answer

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def body_of(**members: Any) -> bytes:
    choices = [{"index": 0, "message": {"role": "assistant", "content": 'x "usage" {'}, "finish_reason": "stop"}]
    return json.dumps({"model": "m", "choices": choices, "usage": USAGE, **members}).encode()


def choice(finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": message, "finish_reason": finish_reason}


def test_a_chat_is_read() -> None:
    answer = read_answer(body_of())
    assert (answer.model, answer.usage, answer.finish_reason) == ("m", TokenUsage(9, 4), "stop")
    assert (answer.has_tool_calls, answer.error) == (False, None)


def test_a_completion_and_an_embedding_are_read() -> None:
    completion = read_answer(body_of(choices=[{"text": "x", "finish_reason": "length"}]))
    assert completion.finish_reason == "length"
    embedding = read_answer(b'{"data":[{"embedding":[0.1]}],"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}')
    assert (embedding.usage, embedding.finish_reason, embedding.model) == (TokenUsage(2, 0), None, "e")


@pytest.mark.parametrize(
    ("reasons", "wanted"),
    [(["stop", "stop"], "stop"), (["stop", "length"], "length"), ([None, "stop"], "stop"), ([None], None)],
)
def test_the_reason_of_several_choices_is_the_first_that_is_not_stop(reasons: list[str | None], wanted: str) -> None:
    assert read_answer(body_of(choices=[choice(reason) for reason in reasons])).finish_reason == wanted


@pytest.mark.parametrize("message", [{"tool_calls": [{"id": "a"}]}, {"function_call": {"name": "f"}}])
def test_tool_calls_are_noticed(message: dict[str, Any]) -> None:
    assert read_answer(body_of(choices=[choice(**message)])).has_tool_calls


def test_timings_stand_in_for_usage() -> None:
    timings = {"prompt_n": 5, "predicted_n": 3}
    assert read_answer(body_of(usage=None, timings=timings)).usage == TokenUsage(5, 3)
    assert read_answer(body_of(usage={"prompt_tokens": -1}, timings=timings)).usage == TokenUsage(5, 3)
    assert read_answer(body_of(usage=None)).usage is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"no room"}}',
        b'{"error":"no room"}',
        b'{"object":"error","message":"no room"}',
        b'{"detail":"no room"}',
        b'{"model":3,"error":{"message":"no room"}}',
        body_of(error={"message": "no room"}),
    ],
)
def test_an_error_in_place_of_an_answer_is_the_servers(body: bytes) -> None:
    assert read_answer(body).error == "no room"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"null", b'{"choices":[]}', b'{"choices":null}', b"{} {}", b"[" * 9999, b'{"x":1}'],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(AnswerMalformed):
        read_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        body_of(extra=float("nan")),
        body_of(model=3),
        body_of(usage="odd"),
        body_of(choices=[choice(), {"finish_reason": 4}]),
        body_of(error=None),
        body_of().replace(b"x ", b"\\ud800"),
        body_of().replace(b"x ", b"\xff"),
    ],
)
def test_what_only_a_lenient_reader_takes_is_still_an_answer(body: bytes) -> None:
    answer = read_answer(body)
    assert (answer.finish_reason, answer.error) == ("stop", None)


def test_answers_to_typed_questions_are_read() -> None:
    usage = b'{"input_tokens":9,"output_tokens":1,"input_tokens_details":{"cached_tokens":4}}'
    for answers in (b'{"q":{"type":"noul","noul":0.5}}', b'[{"type":"predicate","probability":0.5}]', b"[NaN]"):
        read = read_answer(b'{"model":"d","answers":%b,"usage":%b}' % (answers, usage))
        assert (read.model, read.usage, read.finish_reason) == ("d", TokenUsage(9, 1, 4), None)


def test_an_embedding_is_read_leniently() -> None:
    assert read_answer(b'{"data":[{"embedding":[NaN]}],"error":null}').usage is None
