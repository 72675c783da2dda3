"""Building the tables from clones, and comparing two builds."""

import os
import shutil
from pathlib import Path

import pytest

from router_models.__main__ import main
from router_models.build import build
from router_models.compare import compare
from router_models.data import DataError, read_prices
from router_models.sources.clones import Told
from router_models.sources.prices import PRICES
from router_models.sources.registry import SOURCES
from tests.support.source_clones import write_clones


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("clones")
    write_clones(directory)
    return directory


def listening(told: list[str]) -> Told:
    return lambda what, done, total: told.append(f"{what} {done}/{total}")


def test_every_source_gives_its_rows_and_tells_of_each_file(clones: Path, tmp_path: Path) -> None:
    told: list[str] = []
    parts = build(clones, tmp_path, listening(told))
    assert [part.source for part in parts] == [source.name for source in SOURCES]
    assert [part.queries for part in parts] == [4, 2, 2_840, 4]
    assert [part.outcomes for part in parts] == [7, 30, 2_840, 8]
    assert not any(part.was_kept for part in parts)
    assert told[0] == "routellm: mmlu_lamps.csv 1/8"
    assert told[-1] == "llmrouter: test.json 4/4"


def test_a_finished_source_is_kept_until_its_files_change_or_a_fresh_build_is_asked_for(
    clones: Path, tmp_path: Path
) -> None:
    own = tmp_path / "clones"
    shutil.copytree(clones, own)
    first = build(own, tmp_path, listening([]))
    tables = (tmp_path / "routing" / "outcomes.csv.gz").read_bytes()
    again = build(own, tmp_path, listening([]))
    assert [part.was_kept for part in again] == [True] * 4
    assert [part.notes for part in again] == [part.notes for part in first]
    assert (tmp_path / "routing" / "outcomes.csv.gz").read_bytes() == tables
    os.utime(own / "LLMRouter" / "data" / "dcrouter_preprocessed" / "test.json", (0, 0))
    assert [part.was_kept for part in build(own, tmp_path, listening([]))] == [True, True, True, False]
    assert not any(part.was_kept for part in build(own, tmp_path, listening([]), fresh=True))


def test_a_build_that_broke_off_goes_on_with_the_next_source(clones: Path, tmp_path: Path) -> None:
    own = tmp_path / "clones"
    shutil.copytree(clones, own)
    scores = own / "LLMRouter" / "data" / "dcrouter_preprocessed" / "test.json"
    whole = scores.read_bytes()
    scores.write_bytes(whole[:-10])
    with pytest.raises(DataError, match=r"test\.json: no JSON"):
        build(own, tmp_path, listening([]))
    assert not (tmp_path / "routing" / "outcomes.csv.gz").exists()
    scores.write_bytes(whole)
    assert [part.was_kept for part in build(own, tmp_path, listening([]))] == [True, True, True, False]


def test_all_clones_that_are_not_there_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as missing:
        build(tmp_path, tmp_path, listening([]))
    lines = str(missing.value).splitlines()
    assert len(lines) == 4
    assert all("git clone https://github.com/" in line for line in lines)


def test_two_builds_of_the_same_clones_agree_and_a_changed_row_is_counted(clones: Path, tmp_path: Path) -> None:
    build(clones, tmp_path / "one", listening([]))
    own = tmp_path / "clones"
    shutil.copytree(clones, own)
    scores = own / "LLMRouter" / "data" / "dcrouter_preprocessed" / "test.json"
    scores.write_text(scores.read_text().replace("0.8182", "0.5", 1))
    build(own, tmp_path / "other", listening([]))
    found = {(row.source, row.dataset): row for row in compare(tmp_path / "one", tmp_path / "other")}
    same = found["zeroeval", "gsm"]
    assert same.queries == (1_319, 1_319, 1_319)
    assert same.same_prompt == same.same_group == same.same_split == same.same_score == same.same_length == 1_319
    changed = found["llmrouter", "natural_qa"]
    assert (changed.outcomes, changed.same_score, changed.same_length) == ((4, 4, 4), 3, 4)


def test_the_prices_that_are_written_can_be_read_by_reference(clones: Path, tmp_path: Path) -> None:
    build(clones, tmp_path, listening([]))
    prices = read_prices(tmp_path)
    assert len(prices) == len(PRICES)
    assert prices["gpt-4o"] == (2.5, 10.0)


def test_the_commands_print_what_was_built_and_how_far_it_agrees(
    clones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "build", "--from", str(clones), "--to", str(tmp_path)]) == 0
    assert "2,840" in capsys.readouterr().out
    assert main(["data", "compare", str(tmp_path), str(tmp_path)]) == 0
    assert "100.00" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["build", "compare"])
def test_every_data_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["data", command, "--help"])
    assert left.value.code == 0
    assert f"example: python -m router_models data {command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["build", "--from", "{}"], ["compare", "{}", "{}"]])
def test_what_is_not_there_ends_a_data_command_with_a_message_and_status_2(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *(each.format(tmp_path) for each in arguments)]) == 2
    assert "not there" in capsys.readouterr().out.replace("\n", " ")
