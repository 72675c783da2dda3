"""`tiergate demo` as anyone runs it: real model servers, a real gateway, the official client; and nothing left over."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import pytest

from gateway.app.demo_questions import Question, script
from tests.support.waiting import eventually

pytest.importorskip("openai")
pytest.importorskip("xllamacpp")
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="children are found through /proc"),
]

WITHIN_S = 120.0
HITS = ("exact", "coalesced", "semantic")


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the demo with a mark in its environment, which every process below it inherits."""
    mark = uuid4().hex
    variables = {**os.environ, "DEMO_TEST_MARK": mark, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "gateway", "demo", *options]
    process = subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process, mark
    finally:
        process.kill()
        process.communicate()


def left(mark: str) -> list[str]:
    """Name the processes that carry the mark."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def read_document(stream: IO[str] | None) -> dict[str, Any]:
    """Read one JSON document from a stream that stays open: its last line is a brace alone."""
    assert stream is not None
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if line == "}\n":
            break
    document: dict[str, Any] = json.loads("".join(lines))
    return document


async def test_the_demo_shows_routing_a_cache_hit_a_fallback_and_true_sums_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--json", "--keep") as (process, mark):
        document = read_document(process.stdout)
        rows, summary = document["rows"], document["summary"]
        assert [row["status"] for row in rows] == [200] * len(rows), rows
        computed = [row for row in rows if row["cache"] not in HITS]
        assert len({row["tier"] for row in computed}) >= 2
        _assert_cache_hits(rows)
        _assert_likeness(rows)
        _assert_fallback(document)
        _assert_sums(rows, summary)
        await _assert_receipts_agree(document["base_url"], rows)
        assert len(left(mark)) >= 4
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0
    await eventually(lambda: not left(mark), within_s=10.0)
    assert is_empty(tmp_path)


def _assert_cache_hits(rows: list[dict[str, Any]]) -> None:
    hits = [row for row in rows if row["cache"] == "exact"]
    assert hits
    for hit in hits:
        first = next(row for row in rows if row["question"] == hit["question"])
        assert hit["text"] == first["text"]
        assert (hit["charge_usd_nano"], hit["attempts"]) == (0, 0)


def _assert_likeness(rows: list[dict[str, Any]]) -> None:
    """Of the same asked together one is a hit; other words are answered, and a near miss is refused with its reason.

    Which answers end by themselves, and are kept, is up to models with random weights.
    """
    assert [row["cache"] for row in rows].count("coalesced") == 1
    may_be = {step.text for step in script("large") if isinstance(step, Question) and step.reworded}
    kept = [row for row in rows if row["question"] in may_be and row["finish_reason"] == "stop"]
    told = {row["cache"]: row["likeness"] for row in rows if row["likeness"]}
    assert set(told) == ({"semantic", "miss"} if kept else set())
    assert all("is wanted" in likeness for likeness in told.values())


def _assert_fallback(document: dict[str, Any]) -> None:
    killed, restarted = document["events"]
    assert (killed["what"], restarted["what"]) == ("killed", "restarted")
    after = document["rows"][killed["after"] : restarted["after"]]
    fallen = [row for row in after if row["attempts"] == 2]
    assert fallen
    assert fallen[0]["first_choice"] == killed["tier"] != fallen[0]["tier"]
    assert document["summary"]["fallbacks"] >= len(fallen)
    assert any(row["tier"] == killed["tier"] for row in document["rows"][restarted["after"] :])


def _assert_sums(rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    for field in ("charge_usd_nano", "baseline_usd_nano"):
        assert summary[field] == sum(row[field] for row in rows)
        assert isinstance(summary[field], int)
    assert summary["saved_usd_nano"] == summary["baseline_usd_nano"] - summary["charge_usd_nano"] > 0
    assert summary["cache_hits"] == sum(row["cache"] in HITS for row in rows)
    assert sum(total["requests"] for total in summary["tiers"]) == len(rows) - summary["cache_hits"]


async def _assert_receipts_agree(base_url: str, rows: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        for row in rows:
            receipt = (await client.get(f"receipts/{row['request_id']}")).json()
            for field in ("charge_usd_nano", "baseline_usd_nano", "tier", "cache"):
                assert receipt[field] == row[field], field


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_while_it_starts_ends_every_child(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path, "--json") as (process, mark):
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("starting the model servers"):
                break
        await eventually(lambda: len(left(mark)) >= 3, within_s=20.0)
        process.send_signal(number)
        process.communicate(timeout=WITHIN_S)
        assert process.returncode == 130
    await eventually(lambda: not left(mark), within_s=10.0)
    assert is_empty(tmp_path)
