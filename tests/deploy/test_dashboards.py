"""The dashboards that are committed: made by the code, laid out soundly, and about metrics that there are."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.grafana.__main__ import BOARDS, COMMAND, FOLDER, main, render
from deploy.grafana.overview import ANSWERED
from gateway.domain.outcome import BLAME, Blame, Outcome
from tests.architecture.sources import ROOT
from tests.deploy.boards import (
    Json,
    asked_of_annotations,
    asked_of_panels,
    boards,
    panels,
    runbooks_linked,
    short_title,
)
from tests.deploy.series import faults_in

EVERY = pytest.mark.parametrize("board", boards().values(), ids=lambda board: str(board["uid"]))
DURATIONS = {"__rate_interval": "1m", "__interval": "15s", "__range": "6h"}
GRID = 24


def test_they_are_the_ones_that_the_code_makes() -> None:
    committed = {file.name: file.read_text("utf-8") for file in (ROOT / FOLDER).glob("*.json")}
    assert committed == render(), f"out of date; renew them: {COMMAND}"


def test_the_command_tells_what_is_out_of_date_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FOLDER).mkdir(parents=True)
    assert main([]) == 1
    assert capsys.readouterr().out.count(COMMAND) == len(BOARDS)
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert main(["--write", "--runbooks", "https://runbooks.example"]) == 0
    assert "https://runbooks.example" in (tmp_path / FOLDER / f"{BOARDS[0].uid}.json").read_text("utf-8")


@EVERY
def test_panels_are_numbered_once_and_fill_the_grid_without_lying_on_each_other(board: Json) -> None:
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    cells = [cell for panel in board["panels"] for cell in _cells(panel)]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(GRID))


def _cells(panel: Json) -> Iterator[tuple[int, int]]:
    place = panel["gridPos"]
    return itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))


@EVERY
def test_the_first_row_says_whether_it_is_well(board: Json) -> None:
    row, *rest = board["panels"]
    first = list(itertools.takewhile(lambda panel: panel["type"] != "row", rest))
    assert row["title"] == "Is it well?"
    assert {panel["type"] for panel in first} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first) == GRID


@EVERY
def test_every_panel_says_what_it_shows_in_what_unit_by_names_of_its_own(board: Json) -> None:
    for panel in panels(board):
        assert panel["title"][0].isupper()
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0].get("value") is None
        assert panel["datasource"]["uid"] == "$datasource"
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(set(letters)) == len(letters)
        if panel["type"] in {"timeseries", "table"}:
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@EVERY
def test_a_heat_map_has_colours_to_tell_cells_apart(board: Json) -> None:
    for panel in panels(board):
        if panel["type"] == "heatmap":
            assert panel["options"]["color"]["steps"] >= 2
            assert panel["options"]["color"]["exponent"] > 0
            assert [target["format"] for target in panel["targets"]] == ["heatmap"]


@EVERY
def test_every_query_is_about_metrics_labels_and_values_that_there_are(board: Json) -> None:
    faults = [
        f"{asked.place}: {fault}"
        for asked in (*asked_of_panels(board, DURATIONS), *asked_of_annotations(board, DURATIONS))
        for part in asked.expression.split(" / ")
        for fault in faults_in(part)
    ]
    assert not faults, "\n".join(faults)


@EVERY
def test_what_can_be_chosen_is_used_and_begins_with_everything(board: Json) -> None:
    queries = "".join(target["expr"] for panel in panels(board) for target in panel["targets"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            assert f"${variable['name']}" in queries, f"{variable['name']} can be chosen, and changes nothing"
            assert (variable["includeAll"], variable["current"]["value"]) == (True, "$__all")


@EVERY
def test_runbooks_that_panels_lead_to_are_there(board: Json) -> None:
    for panel in panels(board):
        for runbook in runbooks_linked(panel):
            assert runbook.is_file(), f"{panel['title']} leads to {runbook.name}"


def test_answered_are_the_outcomes_that_nobody_is_to_blame_for() -> None:
    assert {outcome for outcome in Outcome if re.fullmatch(ANSWERED, outcome)} == {
        outcome for outcome in Outcome if BLAME[outcome] is Blame.NOBODY
    }


def test_every_dashboard_is_in_the_overview() -> None:
    overview = (ROOT / "deploy/README.md").read_text("utf-8")
    for name, board in boards().items():
        assert f"| [{short_title(board)}](grafana/dashboards/{name}) | {board['description']} |" in overview
