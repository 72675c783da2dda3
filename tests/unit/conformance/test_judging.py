"""A client that gets anything but a right answer is found out."""

from typing import Any

import pytest

from tests.conformance.__main__ import table
from tests.conformance.asking import NAMES, Answered
from tests.conformance.clients import CLIENTS
from tests.conformance.finding import ours
from tests.conformance.judging import COLUMNS, GONE, Finding, Seen, judge
from tests.conformance.serving import Served

OPENAI, ANTHROPIC = CLIENTS[0], next(client for client in CLIENTS if client.name == "anthropic")
INSTRUCTOR = next(client for client in CLIENTS if client.name == "instructor")
RIGHT: dict[str, Any] = {
    "text": "abc",
    "tokens": 8,
    "finish_reason": "length",
    "stream_text": "abc\n",
    "stream_tokens": 8,
    "stream_finish_reason": "length",
    "structured": '{"colour": "red", "sure": true}',
    "error": OPENAI.error,
    "tool": {"town": "Ulm"},
    "tool_finish_reason": "tool_calls",
    "tool_answer": "Paris is the capital.",
    "stream_tool": {"town": "Ulm"},
    "left": 3,
    "retried": "Paris is the capital.",
}
TURNED_AWAY = ({"received_at_s": 5.0}, {"received_at_s": 6.0})
SEEN = Seen(({"gone_at_s": 5.5},), TURNED_AWAY, GONE)


def found(said: dict[str, Any], seen: Seen = SEEN) -> Finding:
    """Judge what OpenAI's client says."""
    return judge(OPENAI, "gateway", Answered(said), seen)


def test_a_right_answer_has_no_faults() -> None:
    finding = found(RIGHT)
    assert finding.faults == {}
    assert list(finding.cells.values()) == [
        "8, length",
        "8, length",
        "by the schema",
        "NotFoundError",
        "tool_calls",
        GONE,
        "1.0 s",
    ]


def test_every_value_is_in_one_column() -> None:
    assert sorted(name for names in COLUMNS.values() for name in names) == sorted(
        [*NAMES, "let_go", "outcome", "waited"]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", ""),
        ("tokens", None),
        ("finish_reason", "stop"),
        ("stream_text", "ab"),
        ("stream_tokens", 7),
        ("stream_finish_reason", None),
        ("structured", "gibberish"),
        ("structured", {"colour": "green", "sure": True}),
        ("structured", {"colour": "red"}),
        ("structured", {"colour": "red", "sure": 1}),
        ("structured", None),
        ("error", ""),
        ("tool", {"town": "Paris"}),
        ("tool_finish_reason", "stop"),
        ("tool_answer", None),
        ("stream_tool", {}),
        ("left", 2),
        ("retried", ""),
    ],
)
def test_each_wrong_value_is_a_fault_in_its_column(name: str, value: object) -> None:
    finding = found(RIGHT | {name: value})
    assert name in finding.faults
    column = next(column for column, names in COLUMNS.items() if name in names)
    assert finding.cells[column] == "fault"


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (Seen((), TURNED_AWAY, GONE), "let_go"),
        (Seen(({"gone_at_s": None},), TURNED_AWAY, GONE), "let_go"),
        (Seen(({"gone_at_s": 6.1},), TURNED_AWAY, GONE), "let_go"),
        (Seen(SEEN.dripped, TURNED_AWAY, "success_upstream"), "outcome"),
        (Seen(SEEN.dripped, TURNED_AWAY[1:], GONE), "waited"),
        (Seen(SEEN.dripped, (TURNED_AWAY[0], {"received_at_s": 5.9}), GONE), "waited"),
        (Seen(SEEN.dripped, (), GONE), "let_go"),
    ],
)
def test_what_the_server_saw_is_judged_too(seen: Seen, name: str) -> None:
    assert name in found(RIGHT, seen).faults


def test_past_the_gateway_there_is_no_receipt() -> None:
    finding = found(RIGHT, Seen(SEEN.dripped, TURNED_AWAY, None))
    assert (finding.faults, finding.cells["leaves"]) == ({}, "let go")


def test_what_a_client_lacks_is_neither_wanted_nor_taken_silently() -> None:
    said = RIGHT | {"tool_answer": None}
    assert judge(INSTRUCTOR, "gateway", Answered(said), SEEN).faults == {}
    assert "tool_answer" in judge(INSTRUCTOR, "gateway", Answered(RIGHT), SEEN).faults


def test_a_script_that_failed_is_a_fault() -> None:
    finding = judge(OPENAI, "gateway", Answered({}, "exit 1"), Seen((), (), None))
    assert finding.faults == {"script": "exit 1"}
    assert set(finding.cells.values()) == {"-"}


def test_only_what_the_bare_server_does_not_do_too_is_the_gateways_fault() -> None:
    def finding(door: str, *faults: str) -> Finding:
        return Finding(ANTHROPIC, door, dict.fromkeys(COLUMNS, ""), dict.fromkeys(faults, "why"))

    bare = finding(Served.BARE, "structured")
    assert ours([bare, finding("gateway"), finding(Served.SAME_API, "structured")]) == {}
    assert ours([bare, finding("gateway", "structured")]) == {"anthropic": ["structured"]}
    assert ours([bare, finding(Served.SAME_API, "structured", "error")]) == {"anthropic": ["error"]}


def test_a_client_is_named_once_in_the_table() -> None:
    told = table([found(RIGHT), found(RIGHT)])
    assert list(told.columns[0].cells) == ["openai", ""]
    assert told.row_count == 2
