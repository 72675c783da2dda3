"""A chat's context is the same for two requests exactly if they differ in nothing but their questions."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.last_turn import Apart, take_apart
from gateway.wire.openai_request import canonicalise

SYSTEM = {"role": "system", "content": "Be brief."}
EARLIER = [{"role": "user", "content": "Who wrote it?"}, {"role": "assistant", "content": "Hugo."}]
BASE: dict[str, Any] = {"model": "auto", "messages": [SYSTEM, *EARLIER, {"role": "user", "content": "When?"}]}


def of(question: Any = "When?", operation: Operation = Operation.CHAT, **members: Any) -> Apart | None:
    asked = {"role": "user", "content": question}
    body = {**BASE, "messages": [*BASE["messages"][:-1], asked], **members}
    return take_apart(canonicalise(operation, json.dumps(body).encode(), EdgeLimits()))


def apart(question: Any = "When?", **members: Any) -> Apart:
    found = of(question, **members)
    assert found is not None
    return found


def test_the_question_is_the_last_user_turn_as_it_came() -> None:
    assert apart("  When,\n exactly? ").question == "  When,\n exactly? "


def test_another_question_has_the_same_context() -> None:
    assert apart("In which year?").context == apart().context


def test_a_single_text_part_is_the_text() -> None:
    assert apart([{"type": "text", "text": "When?"}]) == apart()


def test_how_an_answer_is_delivered_does_not_count() -> None:
    assert apart(stream=True, stream_options={"include_usage": True}, user="u").context == apart().context


@pytest.mark.parametrize(
    "members",
    [
        {"model": "other"},
        {"temperature": 0},
        {"seed": 7},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"max_tokens": 5},
        {"unknown_to_us": 1},
        {"messages": [{"role": "user", "content": "When?"}]},
        {"messages": [{"role": "system", "content": "Be long."}, *EARLIER, {"role": "user", "content": "When?"}]},
        {"messages": [SYSTEM, {"role": "user", "content": "Who?"}, EARLIER[1], {"role": "user", "content": "When?"}]},
        {"messages": [SYSTEM, *EARLIER, {"role": "user", "content": "When?", "name": "bob"}]},
    ],
)
def test_case_39_whatever_else_differs_is_another_context(members: dict[str, Any]) -> None:
    assert apart(**members).context != apart().context


@pytest.mark.parametrize(
    "question",
    [
        [{"type": "text", "text": "When?"}, {"type": "text", "text": "Where?"}],
        [{"type": "text", "text": "When?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}],
        [{"type": "text", "text": "When?", "cache_control": {"type": "ephemeral"}}],
        [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}],
        [],
        None,
    ],
)
def test_what_is_no_single_text_is_not_taken_apart(question: Any) -> None:
    assert of(question) is None


def test_a_chat_that_ends_with_another_turn_is_not_taken_apart() -> None:
    assert of(messages=[SYSTEM, *EARLIER]) is None


def test_other_operations_are_not_taken_apart() -> None:
    body = json.dumps({"model": "auto", "prompt": "When?"}).encode()
    assert take_apart(canonicalise(Operation.COMPLETIONS, body, EdgeLimits())) is None
