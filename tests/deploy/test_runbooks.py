"""Runbooks: one an alarm, of one shape, and what they name exists."""

import itertools
import re
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from gateway.app.cli import app
from gateway.app.settings import TABLE
from gateway.domain.errors import ErrorCode
from tests.architecture.sources import ROOT
from tests.deploy.boards import boards, panels, short_title
from tests.deploy.test_rules import ALARMS

FOLDER: Final = ROOT / "deploy/runbooks"
OVERVIEW: Final = FOLDER / "README.md"
FILES: Final = sorted(set(FOLDER.glob("*.md")) - {OVERVIEW})
EVERY = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))


def test_there_is_one_for_each_alarm_and_none_beside() -> None:
    assert {file.stem for file in FILES} == set(ALARMS)


def test_the_overview_has_each_alarm_with_its_severity_and_how_long_it_waits() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (\w+) \| .+\. \|$", OVERVIEW.read_text("utf-8"), re.M)
    told = [(name, name, rule["labels"]["severity"], rule.get("for", "0m")) for name, rule in ALARMS.items()]
    assert sorted(rows) == sorted(told)


@EVERY
def test_it_has_the_same_four_parts_and_is_short(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        f"# {file.stem}",
        "## See it",
        "## Do",
        "## What makes it worse",
    ]
    assert len(lines) < 40


@EVERY
def test_the_panels_that_it_names_are_on_a_dashboard(file: Path) -> None:
    known = {short_title(board) for board in boards().values()}
    known |= {panel["title"] for board in boards().values() for panel in board["panels"]}
    known |= {panel["title"] for board in boards().values() for panel in panels(board)}
    text = file.read_text("utf-8")
    named = [" ".join(title.split()) for title in re.findall(r"(?<![\w*`.])\*([A-Z][^*`]+)\*(?![\w*])", text)]
    assert set(named) <= known, set(named) - known


@EVERY
def test_the_commands_settings_and_errors_that_it_names_exist(file: Path) -> None:
    text = file.read_text("utf-8")
    for words in re.findall(r"`tiergate ([^`]+)`", text):
        _follow(words.split())
    assert set(re.findall(r"TIERGATE_\w+", text)) <= {setting.variable for setting in TABLE}
    codes = re.findall(r"`(\w+_(?:error|unavailable|timeout|quarantined|quota)|overloaded)`", text)
    assert set(codes) <= set(ErrorCode)


def _follow(words: list[str]) -> None:
    """Ask the command line itself for help on a command; fail for a command or an option that is not there."""
    command = list(itertools.takewhile(lambda word: re.fullmatch(r"[a-z]+", word), words))
    told = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [*command, "--help"])
    assert told.exit_code == 0, f"there is no command {' '.join(command)}"
    assert all(word in told.output for word in words if word.startswith("--")), words
