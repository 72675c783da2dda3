"""What a kept answer says."""

import json
from typing import Any

import pytest

from gateway.wire.answer_text import answer_text


def body(*messages: Any) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": 0, "message": each} for each in messages]}).encode()


def test_the_first_choice_is_read() -> None:
    assert answer_text(body({"role": "assistant", "content": "Paris."}, {"content": "Lyon."})) == "Paris."


@pytest.mark.parametrize(
    "raw",
    [body(), body(None), body({"role": "assistant", "content": None}), body({"content": 5}), b"{", b"\xff", b"{}"],
)
def test_what_says_nothing_has_no_text(raw: bytes) -> None:
    assert answer_text(raw) is None
