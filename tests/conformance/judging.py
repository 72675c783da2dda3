"""What must come of asking with a client, by what it says and by what the scripted server saw of it."""

import json
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.conformance.asking import COLOURS, NAMES, PIECES, TOKENS, Answered
from tests.conformance.clients import Client
from tests.conformance.scripted import BUSY_S, SAID, TOWN

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "complete": ("tokens", "finish_reason", "text"),
    "stream": ("stream_tokens", "stream_finish_reason", "stream_text"),
    "structured": ("structured",),
    "unknown model": ("error",),
    "tool call": ("tool_finish_reason", "tool", "tool_answer", "stream_tool"),
    "leaves": ("left", "let_go", "outcome"),
    "turned away": ("waited", "retried"),
}
"""The columns of the table, with the values that each is about."""
GONE = "client_gone_during"
EARLY_S = 0.02
"""So much a wait may fall short, for how clocks and timers round."""

Calls = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the scripted server saw of one client: its calls of `drips` and of `busy-first`.

    `outcome` is how the gateway's receipt says that the first ended; None where no gateway was asked.
    """

    dripped: Calls
    turned_away: Calls
    outcome: str | None

    @property
    def is_let_go(self) -> bool:
        """Whether the stream was closed by its reader, and before the reader had done all it had to do."""
        gone = [call["gone_at_s"] for call in self.dripped]
        return len(gone) == 1 and gone[0] is not None and gone[0] < self.turned_away[-1]["received_at_s"]

    @property
    def waited_s(self) -> float | None:
        """How long the client stayed away that was turned away; None when it did not come again, or too often."""
        if len(self.turned_away) != 2:
            return None
        first, second = (float(call["received_at_s"]) for call in self.turned_away)
        return second - first


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one client at one door: cells of the table by column, and faults by the value they are about."""

    client: Client
    door: str
    cells: Mapping[str, str]
    faults: Mapping[str, str]


def judge(client: Client, door: str, answered: Answered, seen: Seen) -> Finding:
    """Compare what a script says, and what was seen of it, with what must be."""
    if answered.fault:
        return Finding(client, door, dict.fromkeys(COLUMNS, "-"), {"script": answered.fault})
    faults = dict(_faults(client, answered.said, seen))
    waited_s = seen.waited_s
    shown = {
        **answered.said,
        "structured": "by the schema",
        "tool_finish_reason": answered.said["tool_finish_reason"] or "called",
        "left": seen.outcome or "let go",
        "waited": "came again" if waited_s is None else f"{waited_s:.1f} s",
    }
    cells = {}
    for column, (first, *others) in COLUMNS.items():
        cell = f"{shown[first]}, {shown[others[0]]}" if first.endswith("tokens") else str(shown[first])
        cells[column] = "fault" if faults.keys() & {first, *others} else cell
    return Finding(client, door, cells, faults)


def _faults(client: Client, said: Mapping[str, Any], seen: Seen) -> Iterator[tuple[str, str]]:
    words = client.words
    expected = {
        "tokens": TOKENS,
        "finish_reason": words.cut_off,
        "stream_text": (said["text"] or "").rstrip("\n"),
        "stream_tokens": TOKENS,
        "stream_finish_reason": words.cut_off,
        "error": client.error,
        "tool": {"town": TOWN},
        "tool_finish_reason": words.calls,
        "tool_answer": SAID,
        "stream_tool": {"town": TOWN},
        "left": PIECES,
        "retried": SAID,
    }
    for name in NAMES:
        value = said[name]
        if name in client.lacks:
            if value is not None:
                yield name, f"{name} is {_brief(value)}, though {client.lacks[name]}"
        elif name == "structured":
            if not _fits(value):
                yield name, f"structured is {_brief(value)}, which is not by the schema"
        elif name == "text":
            if not value:
                yield name, "text is empty"
        elif (value.rstrip("\n") if isinstance(value, str) else value) != expected[name]:
            yield name, f"{name} is {_brief(value)}, not {expected[name]!r}"
    yield from _seen_faults(seen)


def _seen_faults(seen: Seen) -> Iterator[tuple[str, str]]:
    if not seen.turned_away or not seen.is_let_go:
        yield "let_go", "the model server was not let go of when the stream was closed"
    if seen.outcome not in (None, GONE):
        yield "outcome", f"the receipt of a stream that was closed says {seen.outcome}"
    if seen.waited_s is None:
        yield "waited", f"turned away, it came {len(seen.turned_away)} times, not twice"
    elif seen.waited_s < BUSY_S - EARLY_S:
        yield "waited", f"it came again after {seen.waited_s:.2f} s, though it was asked to wait for {BUSY_S} s"


def _fits(value: Any) -> bool:
    """Tell whether a value, or the JSON text of one, is what the schema asks for."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False
    is_whole = isinstance(value, dict) and value.keys() == {"colour", "sure"}
    return is_whole and value["colour"] in COLOURS and isinstance(value["sure"], bool)


def _brief(value: Any) -> str:
    """Write a value out, the beginning of it where it is long."""
    return reprlib.repr(value)
