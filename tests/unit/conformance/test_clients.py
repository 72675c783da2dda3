"""A client that gets anything but a right answer is found out."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import CLIENTS, SCRIPTS, ask, judge

OPENAI = CLIENTS[0]
RIGHT: dict[str, Any] = {
    "text": "abc",
    "tokens": 8,
    "finish_reason": "length",
    "stream_text": "abc",
    "stream_tokens": 8,
    "stream_finish_reason": "length",
    "error": OPENAI.error,
}


def test_a_right_answer_has_no_faults() -> None:
    assert judge(OPENAI, RIGHT).faults == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", ""),
        ("tokens", None),
        ("finish_reason", "stop"),
        ("stream_text", "ab"),
        ("stream_tokens", 7),
        ("stream_finish_reason", None),
        ("error", ""),
    ],
)
def test_each_wrong_value_is_a_fault(name: str, value: object) -> None:
    assert judge(OPENAI, RIGHT | {name: value}).faults


def test_a_script_that_fails_is_a_fault_with_its_last_words(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit('cannot import it')")
    (fault,) = ask(OPENAI, [sys.executable, str(script)], "http://127.0.0.1:9/v1").faults
    assert fault == "exit 1: cannot import it"


def test_every_client_is_pinned_and_has_its_script() -> None:
    for client in CLIENTS:
        assert (SCRIPTS / client.script).is_file()
        assert all("==" in package or "@" in package for package in client.packages)
