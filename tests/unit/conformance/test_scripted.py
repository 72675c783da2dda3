"""The kit's scripted server does what its models' names say, in each API."""

import json
from typing import Any

import pytest

from tests.conformance.scripted import SAID, Behaviour
from tests.support.openai_bodies import dump
from tests.support.scripts import Pause, Reply, SeenRequest, Send

CHAT = {"tools": [{"type": "function", "function": {"name": "weather"}}]}
NAMED = {"tools": [{"name": "weather"}]}
HELLO = {"role": "user", "content": "Hello"}


def reply(path: str, at_s: float = 0.0, behaviour: Behaviour | None = None, **body: Any) -> Reply:
    """Ask for one answer."""
    request = SeenRequest(0, 1, "POST", f"/v1/{path}", (), dump(body), at_s)
    script = (behaviour or Behaviour())(request)
    assert isinstance(script, Reply)
    return script


def text(script: Reply) -> str:
    """Join what it sends."""
    return b"".join(step.data for step in script.body if isinstance(step, Send)).decode()


@pytest.mark.parametrize(
    ("path", "asked", "result"),
    [
        ("chat/completions", CHAT | {"messages": [HELLO]}, {"messages": [HELLO, {"role": "tool", "content": "x"}]}),
        (
            "messages",
            NAMED | {"messages": [HELLO]},
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
        ),
        ("responses", NAMED | {"input": "Hello"}, {"input": [{"type": "function_call_output"}]}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_answered(
    path: str, asked: dict[str, Any], result: dict[str, Any], stream: bool
) -> None:
    called = text(reply(path, model="weather", stream=stream, **asked))
    assert "weather" in called
    assert "call_1" in called
    told = text(reply(path, model="weather", stream=stream, **(asked | result)))
    assert "call_1" not in told
    assert "capital" in told


def test_one_call_is_turned_away_and_the_next_answered() -> None:
    behaviour = Behaviour()
    asked = [reply("chat/completions", at_s, behaviour, model="busy-first") for at_s in (0.0, 1.0, 2.0, 20.0, 21.0)]
    assert [script.status for script in asked] == [429, 200, 429, 429, 200]
    assert (b"retry-after", b"1") in asked[0].headers
    assert json.loads(text(asked[1]))["choices"][0]["message"]["content"] == SAID


@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses"])
def test_a_long_answer_comes_in_drips(path: str) -> None:
    script = reply(path, model="drips", stream=True)
    assert sum(step.seconds for step in script.body if isinstance(step, Pause)) > 20


def test_an_unknown_model_is_not_found() -> None:
    script = reply("messages", model="no-such-model")
    assert (script.status, "model_not_found" in text(script)) == (404, True)
