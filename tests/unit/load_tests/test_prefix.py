"""The command that replays recorded traffic."""

import json
from pathlib import Path

import pytest

from load_tests.__main__ import main
from load_tests.prefix import LookUps, look_ups
from load_tests.prefix_world import read_trace
from tests.unit.load_tests.prefix_traces import write_traces


def test_the_figures_stand_beside_what_was_aimed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_traces(tmp_path)
    status = main(["prefix", "--traces", str(tmp_path)])
    told = capsys.readouterr().out
    missed = [line for line in told.splitlines() if "is missed" in line]
    assert status == int(bool(missed))
    for expected in (
        "SGLang 0.3/64/1.5",
        "llm-d 3:2:2",
        "tiergate × 4, private",
        "tiergate × 4, 5 s late",
        "P2b",
        "≥ 0.97",
    ):
        assert expected in told


def test_as_json_they_are_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_traces(tmp_path)
    main(["prefix", "--traces", str(tmp_path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"at", "machine", "rows", "look_ups", "goals"}
    assert len(told["rows"]) == 2 * 2 * 6 + 4
    assert [goal["id"] for goal in told["goals"]] == ["P1", "P1", "P2", "P2b", "P2b", "P3", "P3", "P4"]
    assert all(0.0 <= row["found"]["cached_share"] < 1.0 for row in told["rows"])


def test_without_traces_nothing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prefix", "--traces", str(tmp_path)]) == 2
    assert "no traces" in capsys.readouterr().err


def test_look_ups_are_timed_one_by_one(tmp_path: Path) -> None:
    write_traces(tmp_path)
    ticks = iter(range(1_000_000))
    found = look_ups(read_trace(tmp_path / "mooncake_conversation.jsonl.gz"), 40, lambda: float(next(ticks)))
    assert found == LookUps(1.0, 1.0, 1.0)
