"""What a script prints is read, and whatever else becomes of it is a fault."""

import json
import sys
from pathlib import Path

import pytest

from tests.conformance.asking import NAMES, SCHEMA, TOKENS, ask
from tests.conformance.serving import Door

DOOR = Door("gateway", "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", "-same")


def command(folder: Path, text: str) -> list[str]:
    """Write a script, and return how it is run."""
    script = folder / "script.py"
    script.write_text(text)
    return [sys.executable, str(script)]


def test_a_script_gets_all_it_needs_and_its_last_line_is_read(tmp_path: Path) -> None:
    told = (
        "import json, sys\n"
        "given = json.loads(sys.argv[1])\n"
        "print('words of its own')\n"
        f"print(json.dumps(dict.fromkeys({NAMES!r}, given)))\n"
    )
    answered = ask(command(tmp_path, told), DOOR)
    assert answered.fault == ""
    given = answered.said["text"]
    assert (given["real"], given["suffix"], given["tokens"]) == (DOOR.real_url, "-same", TOKENS)
    assert given["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("raise SystemExit('cannot import it')", "exit 1: cannot import it"),
        ("raise SystemExit('SomeError: it broke\\n  here\\nNode.js v20')", "exit 1: SomeError: it broke"),
        ("raise SystemExit(3)", "exit 3: it said nothing"),
        ("", "it tells []"),
        (f"print({json.dumps(json.dumps({'text': 'a'}))})", "it tells ['text']"),
    ],
)
def test_a_script_that_fails_or_tells_too_little_is_a_fault(tmp_path: Path, text: str, fault: str) -> None:
    answered = ask(command(tmp_path, text), DOOR)
    assert answered.fault.startswith(fault)
    assert answered.said == {}
