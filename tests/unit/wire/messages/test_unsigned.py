"""What goes to a server that refuses thoughts which nobody signed."""

import json
from typing import Any

import pytest

from gateway.wire.messages.unsigned import NAME, without_unsigned

UNSIGNED = {"type": "thinking", "thinking": "Hm.", "signature": ""}
BARE = {"type": "thinking", "thinking": "Hm."}
SIGNED = {"type": "thinking", "thinking": "Ah.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "b3g="}
TEXT = {"type": "text", "text": "So be it."}
ASKED = {"role": "user", "content": "Well?"}


def told(*content: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Return what is left of a conversation with such an answer, and what was removed."""
    body = {"model": "m", "messages": [ASKED, {"role": "assistant", "content": [*content]}, ASKED]}
    left, removed = without_unsigned(json.dumps(body).encode())
    return json.loads(left)["messages"], removed


@pytest.mark.parametrize("thought", [UNSIGNED, BARE])
def test_thoughts_without_a_signature_are_taken_out_and_named(thought: dict[str, str]) -> None:
    messages, removed = told(thought, SIGNED, REDACTED, TEXT)
    assert messages == [ASKED, {"role": "assistant", "content": [SIGNED, REDACTED, TEXT]}, ASKED]
    assert removed == (NAME,)


def test_an_answer_of_thoughts_alone_is_left_out() -> None:
    assert told(UNSIGNED, BARE) == ([ASKED, ASKED], (NAME,))


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [ASKED]},
        {"model": "m", "thinking": {"type": "adaptive"}, "messages": [ASKED]},
        {"model": "m", "messages": [{"role": "assistant", "content": [SIGNED, TEXT]}, ASKED]},
        {"model": "m", "messages": [ASKED, {"role": "user", "content": [{"type": "text", "text": '"thinking"'}]}]},
        {"model": "m", "messages": [{"role": "user", "content": '"thinking"'}, {"role": "user", "content": []}]},
    ],
)
def test_a_body_without_any_stays_byte_for_byte(body: dict[str, Any]) -> None:
    raw = json.dumps(body, indent=1).encode()
    assert without_unsigned(raw) == (raw, ())


def test_all_else_stays_as_it_came() -> None:
    head, tail = b'{ "model":"m", "max_tokens" : 5e1, "messages":', b' ,"x":[1.50]}'
    raw = head + json.dumps([ASKED, {"role": "assistant", "content": [UNSIGNED, TEXT]}]).encode() + tail
    left, _ = without_unsigned(raw)
    assert left.startswith(head)
    assert left.endswith(tail)
    assert json.loads(left)["messages"][1]["content"] == [TEXT]
