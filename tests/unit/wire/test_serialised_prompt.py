"""What a model reads of a request, laid out as its servers do."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.openai_request import canonicalise
from gateway.wire.serialised_prompt import serialised_prompt

SYSTEM, USER = {"role": "system", "content": "You help."}, {"role": "user", "content": "Grüße"}
ANSWER = {"role": "assistant", "content": "Hello."}
TOOL = {"type": "function", "function": {"name": "look"}}


def serialised(operation: Operation = Operation.CHAT, **members: Any) -> bytes:
    body = json.dumps({"model": "m", **members}, ensure_ascii=False).encode()
    return serialised_prompt(canonicalise(operation, body, EdgeLimits()))


def test_a_turn_begins_as_the_one_before_it_did() -> None:
    before = serialised(messages=[SYSTEM, USER], tools=[TOOL])
    after = serialised(messages=[SYSTEM, USER, ANSWER, USER], tools=[TOOL])
    assert after.startswith(before)
    assert after != before


def test_tools_come_first_wherever_they_stand_and_what_no_model_reads_is_left_out() -> None:
    one = serialised(tools=[TOOL], messages=[USER], temperature=0.5)
    assert one == serialised(messages=[USER], seed=7, user="somebody", tools=[TOOL])
    assert one.index(b'"look"') < one.index("Grüße".encode())


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [USER]},
        {"messages": [SYSTEM, USER]},
        {"messages": [USER], "tools": [TOOL, TOOL]},
        {"messages": [USER], "functions": [{"name": "look"}]},
    ],
)
def test_what_a_model_reads_otherwise_is_something_else(other: dict[str, Any]) -> None:
    assert serialised(messages=[USER], tools=[TOOL]) != serialised(**other)


def test_a_completions_prompt_begins_as_a_longer_one() -> None:
    one, longer = (serialised(Operation.COMPLETIONS, prompt=text) for text in ("Once upon", "Once upon a time"))
    assert longer.startswith(one)
    assert serialised(Operation.COMPLETIONS, prompt=["Once", "upon"]) != one
