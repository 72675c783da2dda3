"""Which conversation a request belongs to."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.conversation import conversation_identity
from gateway.wire.openai_request import canonicalise

SYSTEM = {"role": "system", "content": "You are terse."}
FIRST = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
SECOND = {"role": "user", "content": "And now?"}
CALLS = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {}}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "42"}


def a_chat(*messages: dict[str, Any], **members: Any) -> CanonicalRequest:
    body = json.dumps({"model": "auto", "messages": messages, **members}).encode()
    return canonicalise(Operation.CHAT, body, EdgeLimits())


def of(*messages: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...] = (), **members: Any) -> bytes:
    return conversation_identity(headers, a_chat(*messages, **members))


def test_every_turn_is_of_the_conversation_that_it_goes_on_with() -> None:
    first = of(SYSTEM, FIRST)
    assert of(SYSTEM, FIRST, ANSWER, SECOND) == first
    assert of(SYSTEM, FIRST, CALLS, RESULT) == first
    assert of(SYSTEM, FIRST, ANSWER, SECOND, temperature=1, stream=True) == first


@pytest.mark.parametrize(
    "other",
    [
        of(FIRST),
        of(SYSTEM, SECOND),
        of({**SYSTEM, "content": "You are verbose."}, FIRST),
        of({**SYSTEM, "role": "developer"}, FIRST),
        of(SYSTEM, FIRST, tools=[{"type": "function", "function": {"name": "f"}}]),
        of(SYSTEM, FIRST, functions=[{"name": "f"}]),
        of(SYSTEM, FIRST, prompt_cache_key="a"),
        of(SYSTEM, FIRST, safety_identifier="a"),
        of(SYSTEM, FIRST, user="a"),
        of(SYSTEM, ANSWER),
    ],
)
def test_what_began_otherwise_is_another_conversation(other: bytes) -> None:
    assert other != of(SYSTEM, FIRST)


def test_a_text_in_another_place_is_another_conversation() -> None:
    assert of(SYSTEM, FIRST, user="x") != of(SYSTEM, FIRST, safety_identifier="x")


@pytest.mark.parametrize("change", [(0, "X"), (-1, "X"), (0, "xx")])
def test_a_long_beginning_is_told_by_its_start_its_end_and_its_length(change: tuple[int, str]) -> None:
    at, text = change
    letters = ["x"] * 20_000
    long, identity = {**FIRST, "content": "".join(letters)}, of(SYSTEM, {**FIRST, "content": "".join(letters)})
    assert len(identity) < 3_000
    assert of(SYSTEM, long, ANSWER, SECOND) == identity
    letters[at] = text
    assert of(SYSTEM, {**FIRST, "content": "".join(letters)}) != identity


def test_a_named_conversation_is_the_one_that_is_named() -> None:
    named = ((b"x-session-id", b"s-1"),)
    assert of(FIRST, headers=named) == of(SYSTEM, SECOND, headers=named)
    assert of(FIRST, headers=named) != of(FIRST, headers=((b"x-session-id", b"s-2"),))
    both = ((b"x-session-id", b"s-1"), (b"x-conversation-id", b"c-1"))
    assert of(FIRST, headers=both) == of(FIRST, headers=((b"x-conversation-id", b"c-1"),))


@pytest.mark.parametrize("header", [b"x-claude-code-session-id", b"session-id", b"x-opencode-session"])
def test_coding_agents_name_their_conversations(header: bytes) -> None:
    named = of(FIRST, headers=((b"accept", b"*/*"), (header, b"s-1")))
    assert named == of(SYSTEM, SECOND, headers=((header, b"s-1"),)) != of(FIRST)
    both = ((header, b"s-1"), (b"x-session-id", b"s-2"))
    assert of(FIRST, headers=both) == of(FIRST, headers=both[1:])
    assert of(FIRST, headers=((b"x-session-id", b""), (header, b"s-1"))) == named


@pytest.mark.parametrize("name", [b"", b"x" * 513])
def test_a_name_that_is_none_is_not_read(name: bytes) -> None:
    assert of(FIRST, headers=((b"x-session-id", name),)) == of(FIRST)


@pytest.mark.parametrize(
    ("messages", "continues", "in_tool_loop"),
    [
        ((FIRST,), False, False),
        ((SYSTEM, FIRST), False, False),
        ((SYSTEM,), False, False),
        ((SYSTEM, FIRST, ANSWER, SECOND), True, False),
        ((FIRST, SECOND), True, False),
        ((ANSWER, FIRST), True, False),
        ((FIRST, ANSWER), True, False),
        ((FIRST, CALLS), True, True),
        ((FIRST, {**ANSWER, "tool_calls": []}), True, False),
        ((FIRST, {**ANSWER, "tool_calls": None}), True, False),
        ((FIRST, CALLS, RESULT), True, True),
        ((FIRST, CALLS, {"role": "function", "name": "f", "content": "42"}), True, True),
        ((FIRST, CALLS, RESULT, SECOND), True, False),
    ],
)
def test_a_chat_tells_whether_it_goes_on_and_whether_calls_of_tools_are_open(
    messages: tuple[dict[str, Any], ...], continues: bool, in_tool_loop: bool
) -> None:
    request = a_chat(*messages)
    assert (request.continues, request.in_tool_loop) == (continues, in_tool_loop)
