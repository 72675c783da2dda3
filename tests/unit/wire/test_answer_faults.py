"""What is wrong with an answer that its server thought well of."""

import json
from typing import Any

import pytest

from gateway.domain.outcome import OF_THE_ANSWER, FailureKind
from gateway.wire.answer_faults import find_fault

TOOLS = {"tools": [{"type": "function", "function": {"name": "look_up"}}]}
FUNCTIONS = {"functions": [{"name": "look_up"}]}
ANY_JSON = {"response_format": {"type": "json_object"}}
A_NUMBER = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }
}


def said(content: Any = None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}]}


def calling(name: Any, arguments: Any) -> dict[str, Any]:
    return said(finish="tool_calls", tool_calls=[{"id": "1", "function": {"name": name, "arguments": arguments}}])


def fault(answer: dict[str, Any], asked: dict[str, Any]) -> FailureKind | None:
    found = find_fault(json.dumps(answer).encode(), json.dumps(asked).encode(), OF_THE_ANSWER)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("answer", "asked", "kind"),
    [
        (said("Paris"), {}, None),
        (said([{"type": "text", "text": "Paris"}]), {}, None),
        ({"choices": [{"text": "Paris", "finish_reason": "stop"}]}, {}, None),
        ({"choices": [{"text": "", "finish_reason": "stop"}]}, {}, FailureKind.EMPTY),
        (said("I cannot", finish="content_filter"), {}, FailureKind.REFUSAL),
        (said(None, refusal="I cannot"), {}, FailureKind.REFUSAL),
        (said(""), {}, FailureKind.EMPTY),
        (said(None), {}, FailureKind.EMPTY),
        (said(" \n", reasoning_content="Hm"), {}, FailureKind.EMPTY),
        (said("", finish="length"), {}, FailureKind.EMPTY),
        (said(None, audio={"data": "aaaa"}), {}, None),
        (calling("look_up", "{}"), TOOLS, None),
        (calling("look_up", ""), TOOLS, None),
        (calling("look_up", '{"a": 1'), TOOLS, FailureKind.BROKEN_TOOL_CALL),
        (calling("look_up", "[1]"), TOOLS, FailureKind.BROKEN_TOOL_CALL),
        (calling("look_up", {"a": 1}), TOOLS, FailureKind.BROKEN_TOOL_CALL),
        (calling("look_down", "{}"), TOOLS, FailureKind.BROKEN_TOOL_CALL),
        (said(function_call={"name": "look_up", "arguments": "{}"}), FUNCTIONS, None),
        (said(function_call={"name": "look_up", "arguments": "x"}), FUNCTIONS, FailureKind.BROKEN_TOOL_CALL),
        (said(tool_calls=[{}]), TOOLS, FailureKind.BROKEN_TOOL_CALL),
        (said("{}"), ANY_JSON, None),
        (said("Here you are: {}"), ANY_JSON, FailureKind.INVALID_JSON),
        (said("{", finish="length"), ANY_JSON, None),
        (said("[" * 99_999), ANY_JSON, FailureKind.INVALID_JSON),
        (said('{"n": 1}'), A_NUMBER, None),
        (said('{"n": "one"}'), A_NUMBER, FailureKind.INVALID_JSON),
        (calling("look_up", "{}"), {**TOOLS, **A_NUMBER}, None),
        (said("Paris"), {"response_format": {"type": "text"}}, None),
        (said("{}"), {"response_format": {"type": "json_schema"}}, None),
        ({"choices": [*said("Paris")["choices"], *said("")["choices"]]}, {}, FailureKind.EMPTY),
    ],
)
def test_a_fault_is_found_and_nothing_else(
    answer: dict[str, Any], asked: dict[str, Any], kind: FailureKind | None
) -> None:
    assert fault(answer, asked) is kind


def test_only_what_the_route_minds_is_looked_for() -> None:
    assert find_fault(json.dumps(said("")).encode(), b"{}", {FailureKind.REFUSAL}) is None


@pytest.mark.parametrize("answer", [b'{"choices": 5}', b"\xff", b'{"data": []}', b'{"choices": [{}]}'])
def test_what_cannot_be_read_has_no_fault_but_that_it_is_empty(answer: bytes) -> None:
    found = find_fault(answer, b"{}", OF_THE_ANSWER)
    assert found is None or found.kind is FailureKind.EMPTY
