"""Two requests are the same exactly if they may have the same answer."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.identity import cache_identity
from gateway.wire.openai_request import canonicalise

BASE: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hi  there"}], "temperature": 0}


def identity(body: bytes, operation: Operation = Operation.CHAT) -> bytes:
    return cache_identity(canonicalise(operation, body, EdgeLimits()))


def of(**members: Any) -> bytes:
    return identity(json.dumps({**BASE, **members}).encode())


@pytest.mark.parametrize(
    "members",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"user": "u"},
        {"metadata": {"a": "b"}},
        {"store": True},
        {"temperature": 0.0},
    ],
)
def test_what_does_not_change_an_answer_does_not_count(members: dict[str, Any]) -> None:
    assert of(**members) == of()


@pytest.mark.parametrize(
    "members",
    [
        {"model": "other"},
        {"messages": [{"role": "user", "content": "Hi there"}]},
        {"messages": [{"role": "user", "content": "hi  there"}]},
        {"messages": [{"role": "system", "content": "Hi  there"}]},
        {"temperature": 0.1},
        {"top_p": 0.5},
        {"seed": 1},
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
        {"stop": ["a"]},
        {"n": 1},
        {"tools": [{"type": "function"}]},
        {"tool_choice": "auto"},
        {"response_format": {"type": "json_object"}},
        {"logprobs": True},
        {"presence_penalty": 1},
        {"reasoning_effort": "low"},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
)
def test_whatever_may_change_an_answer_counts(members: dict[str, Any]) -> None:
    assert of(**members) != of()


def test_the_spelling_of_the_body_does_not_count() -> None:
    compact = b'{"model":"m","messages":[{"role":"user","content":"\xc3\xa9"}],"x":1,"y":100,"z":0.1,"s":0}'
    spread = b'{ "s":-0.0,"z":1e-1,"y":1E2,"x":1.0, "messages":[{"content":"\\u00e9","role":"user"}],"model":"\\u006d"}'
    assert identity(compact) == identity(spread)


def test_the_order_of_arrays_counts() -> None:
    assert of(tools=[{"a": 1}, {"b": 1}]) != of(tools=[{"b": 1}, {"a": 1}])


def test_numbers_that_only_a_double_confuses_stay_apart() -> None:
    assert of(seed=2**53) != of(seed=2**53 + 1)
    assert of(seed=10**30) != of(seed=10**30 + 1)


def test_operations_stay_apart() -> None:
    chat = b'{"model":"m","messages":[{"role":"user"}],"prompt":"p"}'
    assert identity(chat) != identity(chat, Operation.COMPLETIONS)
