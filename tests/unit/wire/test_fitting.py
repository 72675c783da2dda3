"""What a server would refuse goes, what it would take stays byte for byte, and what went is named."""

import json
from typing import Any

import pytest

from gateway.wire.fitting import Foreign, fit

USER = {"role": "user", "content": "hi"}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "eA=="}
TEXT = {"type": "text", "text": "Hello"}
SIGNED = {"google": {"thought_signature": "c2ln"}}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def assistant(**members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "Hello", **members}


def chat(*messages: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, "seed": 1.50}).encode()


def fitted(*messages: Any, foreign: Foreign = Foreign.ALL) -> tuple[Any, tuple[str, ...]]:
    body, removed = fit(chat(*messages), (), foreign)
    return json.loads(body)["messages"], removed


@pytest.mark.parametrize(
    ("before", "after", "removed"),
    [
        (assistant(content=[THOUGHT, TEXT]), assistant(content=[TEXT]), "content.thinking"),
        (assistant(content=[HIDDEN, THOUGHT]), assistant(content=""), "content.thinking"),
        (
            assistant(content=[THOUGHT], tool_calls=[CALL]),
            assistant(content=None, tool_calls=[CALL]),
            "content.thinking",
        ),
        (assistant(thinking_blocks=[THOUGHT]), assistant(), "thinking_blocks"),
        (assistant(reasoning_details=[{"data": "x"}]), assistant(), "reasoning_details"),
        (assistant(thought_signature="x"), assistant(), "thought_signature"),
        (assistant(extra_content=SIGNED), assistant(), "extra_content"),
        (
            assistant(tool_calls=[{**CALL, "extra_content": SIGNED}]),
            assistant(tool_calls=[CALL]),
            "tool_calls.extra_content",
        ),
        (
            assistant(tool_calls=[{**CALL, "function": {**CALL["function"], "thought_signature": "x"}}]),  # type: ignore[dict-item]
            assistant(tool_calls=[CALL]),
            "tool_calls.function.thought_signature",
        ),
    ],
)
def test_signed_thoughts_of_another_model_are_removed_and_named(before: Any, after: Any, removed: str) -> None:
    assert fitted(USER, before, USER) == ([USER, after, USER], (f"messages.{removed}",))


def test_what_is_removed_several_times_is_named_once() -> None:
    messages, removed = fitted(assistant(content=[THOUGHT]), USER, assistant(content=[THOUGHT, TEXT]), USER)
    assert messages == [assistant(content=""), USER, assistant(content=[TEXT]), USER]
    assert removed == ("messages.content.thinking",)


def test_of_a_conversation_that_came_back_only_what_lies_before_the_last_user_turn_is_foreign() -> None:
    old, new = assistant(content=[THOUGHT, TEXT]), assistant(content=[THOUGHT], tool_calls=[CALL])
    result = {"role": "tool", "tool_call_id": "a", "content": "x"}
    messages, removed = fitted(USER, old, USER, new, result, foreign=Foreign.PAST)
    assert messages == [USER, assistant(content=[TEXT]), USER, new, result]
    assert removed == ("messages.content.thinking",)
    assert fitted(new, result, foreign=Foreign.PAST) == ([new, result], ())


@pytest.mark.parametrize(
    "message",
    [
        assistant(),
        assistant(content='"thinking" and "thought_signature"', thinking=True),
        assistant(reasoning_content="Hm."),
        assistant(thinking_blocks=None, content=[TEXT]),
        assistant(extra_content={"note": "x"}, refusal="x", thinking=True),
        assistant(tool_calls="odd", thinking=True),
        assistant(tool_calls=["odd", {"function": "odd"}], thinking=True),
        {"role": "tool", "tool_call_id": "a", "content": [THOUGHT]},
    ],
)
def test_what_no_model_signed_stays_as_it_was_written(message: Any) -> None:
    body = chat(message, USER)
    assert fit(body, (), Foreign.ALL) == (body, ())


def test_nothing_is_looked_for_where_nothing_is_foreign() -> None:
    body = chat(assistant(content=[THOUGHT]))
    assert fit(body, (), Foreign.NOTHING) == (body, ())


@pytest.mark.parametrize(
    ("before", "after", "removed"),
    [
        ('{"seed":1,"model":"m","x":"seed"}', '{"model":"m","x":"seed"}', ("seed",)),
        ('{"model":"m" , "reasoning_effort" : "low"}', '{"model":"m" }', ("reasoning_effort",)),
        (
            '{"seed":1.50,"model":"m","reasoning_effort":{"a":[1,"}"]},"z":2}',
            '{"model":"m","z":2}',
            ("reasoning_effort", "seed"),
        ),
        ('{"model":"m","x":{"seed":1}}', '{"model":"m","x":{"seed":1}}', ()),
        ('{"model":"m"}', '{"model":"m"}', ()),
    ],
)
def test_refused_members_are_cut_out_of_the_bytes(before: str, after: str, removed: tuple[str, ...]) -> None:
    refused = ("seed", "reasoning_effort")
    assert fit(before.encode(), refused, Foreign.NOTHING) == (after.encode(), removed)
