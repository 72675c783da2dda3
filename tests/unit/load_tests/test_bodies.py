"""The bodies have the size and the shape that the tests say they have."""

import json

import pytest

from load_tests.bodies import SYSTEM, Api, BodyKind, request_body
from load_tests.plan import COUNTER


@pytest.mark.parametrize("size_bytes", [2_000, 50_000])
def test_a_body_has_its_size(size_bytes: int) -> None:
    body = request_body(BodyKind(size_bytes=size_bytes))
    assert size_bytes - len(SYSTEM) - 1 <= len(body) <= size_bytes


def test_a_unique_body_holds_the_counter_once() -> None:
    assert request_body(BodyKind()).count(COUNTER.encode()) == 1
    assert COUNTER.encode() not in request_body(BodyKind(unique=False))


def test_a_streaming_body_sets_its_stream() -> None:
    body = json.loads(request_body(BodyKind(chunk_delay_us=10_000, max_tokens=50), model="simulated"))
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert (body["max_tokens"], body["seed"], body["model"]) == (50, 10_000, "simulated")


@pytest.mark.parametrize(
    ("api", "system", "turns", "limit"),
    [("messages", "system", "messages", "max_tokens"), ("responses", "instructions", "input", "max_output_tokens")],
)
def test_the_same_conversation_is_written_in_other_apis(api: Api, system: str, turns: str, limit: str) -> None:
    chat = json.loads(request_body(BodyKind(chunk_delay_us=0)))
    body = json.loads(request_body(BodyKind(chunk_delay_us=0, api=api)))
    assert body[system] == chat["messages"][0]["content"]
    assert body[turns] == chat["messages"][1:]
    assert (body[limit], body["stream"], body["seed"]) == (50, True, 0)
    assert "stream_options" not in body


def test_a_compact_body_has_no_spaces_between_its_parts() -> None:
    body = request_body(BodyKind(compact=True))
    assert json.dumps(json.loads(body), separators=(",", ":")).encode() == body


def test_turns_alternate_and_the_user_has_the_last_word() -> None:
    roles = [message["role"] for message in json.loads(request_body(BodyKind()))["messages"]]
    assert roles[0] == "system"
    assert roles[1::2] == ["user"] * (len(roles) // 2)
    assert roles[-1] == "user"
