"""What every client is asked to do, and how: a script is started with all it needs in one JSON argument.

Each script in `scripts/` does the same with its client, in this order, and prints the values named as JSON; `null`
is what a client has no means to do or to tell:

- `text`, `tokens`, `finish_reason`: what the real server completes, with 8 tokens at temperature 0;
- `stream_text`, `stream_tokens`, `stream_finish_reason`: the same, streamed;
- `structured`: an object by the schema, from the real server;
- `error`: how the client tells of the model `no-such-model`;
- `tool`, `tool_finish_reason`: the arguments with which the model `weather` calls the tool; `tool_answer`: the text
  once it has the result; `stream_tool`: the arguments again, from a stream;
- `left`: how many pieces of the stream of `drips` were read before it was closed;
- `retried`: the text that comes of `busy-first`, which turns the first call away for a second.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.serving import Door

ASK_LIMIT_S = 120.0
TOKENS = 8
"""What every script asks for, and so what every answer has."""
ENOUGH_TOKENS = 200
"""What an answer may have whose length is not what is asked about."""
PIECES = 3
"""As many are read of a stream before it is closed."""
TOOL: Mapping[str, Any] = {
    "name": "weather",
    "description": "Tell the weather of a town",
    "parameters": {
        "type": "object",
        "properties": {"town": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    },
}
COLOURS = ("red", "blue")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": list(COLOURS)}, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}
"""Nothing whose length the model could choose."""
NAMES = (
    *("text", "tokens", "finish_reason", "stream_text", "stream_tokens", "stream_finish_reason", "structured", "error"),
    *("tool", "tool_finish_reason", "tool_answer", "stream_tool", "left", "retried"),
)
"""The values of which a script prints each."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a script printed; `fault` says why it printed nothing."""

    said: Mapping[str, Any]
    fault: str = ""


def ask(command: Sequence[str], door: Door) -> Answered:
    """Let the client do it all through that door."""
    given = {
        "real": door.real_url,
        "scripted": door.scripted_url,
        "suffix": door.suffix,
        "tool": TOOL,
        "schema": SCHEMA,
        "tokens": TOKENS,
        "enough": ENOUGH_TOKENS,
        "pieces": PIECES,
    }
    try:
        done = subprocess.run(
            [*command, json.dumps(given)],
            capture_output=True,
            text=True,
            check=False,
            timeout=ASK_LIMIT_S,
            cwd=Path(__file__).parent,
        )
    except subprocess.TimeoutExpired:
        return Answered({}, f"not done within {ASK_LIMIT_S:g} s")
    if done.returncode != 0:
        return Answered({}, f"exit {done.returncode}: {_last_error(done.stderr)}")
    # Some clients print words of their own before.
    said: Mapping[str, Any] = json.loads((done.stdout.splitlines() or ["{}"])[-1])
    if said.keys() != set(NAMES):
        return Answered({}, f"it tells {sorted(said)}, not {sorted(NAMES)}")
    return Answered(said)


def _last_error(told: str) -> str:
    """Return the last line that names an error: Node says more behind it."""
    lines = told.strip().splitlines() or ["it said nothing"]
    return next((line.strip() for line in reversed(lines) if re.match(r"\S*Error\b", line)), lines[-1])
