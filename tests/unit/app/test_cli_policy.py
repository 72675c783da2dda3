import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.app.cli_policy import app
from gateway.policy.reference import REFERENCE_FILE, SCHEMA_FILE, json_schema

DEFAULT = "policies/default.yaml"
SECRETIVE = "policies/examples/self_hosted_three_tiers.yaml"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def document(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "edited.yaml"
    path.write_text(Path(DEFAULT).read_text().replace("95%", "90%"))
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text("version: 1\ntiers: {}\nmodell: {}\n")
    return path


def test_a_sound_policy_is_summed_up_in_a_line() -> None:
    result = run("check", DEFAULT)
    assert result.exit_code == 0
    assert "2 tiers, 2 endpoints, 1 route, 3 models, open (no keys, loopback only); snapshot" in result.stdout


def test_all_problems_of_all_files_are_told_with_their_places(broken: Path) -> None:
    result = run("check", broken, DEFAULT)
    assert result.exit_code == 1
    assert f"{broken}:3:1: modell:" in result.stdout
    assert "did you mean `models`?" in result.stdout
    assert f"{DEFAULT}: sound" in result.stdout


def test_a_check_is_one_document_for_scripts(broken: Path) -> None:
    good, bad = document("check", DEFAULT, broken)["files"]
    assert good["problems"] == []
    assert len(good["snapshot"]) == 12
    assert bad["snapshot"] is None
    assert {"line", "column", "path", "message", "hint"} == set(bad["problems"][0])


def test_secrets_that_are_not_here_can_be_passed_over() -> None:
    assert "SEARCH_KEY is not set" in run("check", SECRETIVE).stdout
    assert run("check", SECRETIVE, "--no-secrets").exit_code == 0


def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    result = run("check", tmp_path / "none.yaml", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such file or directory" in result.stderr


def test_a_difficulty_model_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    result = run("check", DEFAULT, "--artefacts", tmp_path)
    assert result.exit_code == 3
    assert "difficulty model cannot be used" in result.stderr


def test_what_is_not_certified_or_not_reached_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    text = Path(DEFAULT).read_text().replace("quality: 95%", "quality: 99.9999%")
    path.write_text(text.replace("  large: {tier: large}\n", "").replace("routes:\n", "routes:\n  spare: {dial: 1}\n"))
    result = run("check", path)
    assert result.exit_code == 0, result.stdout
    assert "warning: route balanced: not certified:" in result.stdout
    assert "warning: route spare: no model leads to it" in result.stdout


def test_the_schema_is_printed_or_written_with_the_reference(tmp_path: Path) -> None:
    assert run("schema").stdout == json_schema()
    assert run("schema", "--write", tmp_path).exit_code == 0
    assert (tmp_path / SCHEMA_FILE).read_text() == json_schema()
    assert (tmp_path / REFERENCE_FILE).read_text().startswith("# Policy reference")
    assert run("schema", "--write", tmp_path / "none").exit_code == 2


def test_an_explanation_says_what_tiers_are_taken_for_and_what_routes_do() -> None:
    told = run("explain", SECRETIVE).stdout
    assert "like gemma-2-27b-it" in told
    assert "code, maths" in told
    for line in ("λ", "expected shares", "expected quality", "expected cost", "certified"):
        assert f"\n{line} " in told
    assert "limits.ttft" not in told
    assert "limits.ttft" in run("explain", SECRETIVE, "--full").stdout


def test_an_explanation_is_a_document_for_scripts() -> None:
    told = document("explain", DEFAULT)
    (route,) = (route for route in told["routes"] if route["route"] == "balanced")
    assert route["certified"] is True
    assert sum(route["shares"].values()) == pytest.approx(1.0)
    small = told["tiers"][0]["ability"]
    assert small["accepted_low"] < small["accepted"] < small["accepted_high"]
    assert told["open"] is True


def test_no_secret_is_ever_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "TEAM_KEY", "TEAM_BATCH_KEY", "PRIVATE_KEY"):
        monkeypatch.setenv(name, f"sk-very-secret-{name}")
    policy = "policies/examples/self_hosted_small_hosted_large.yaml"
    for arguments in (("check", policy), ("explain", policy, "--full"), ("explain", policy, "--json")):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "sk-very-secret" not in result.output


def test_a_policy_with_problems_is_not_explained(broken: Path) -> None:
    result = run("explain", broken)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "modell" in result.stderr


def test_a_difference_is_told_in_words_and_by_the_exit_code(edited: Path, broken: Path) -> None:
    same = run("diff", DEFAULT, DEFAULT)
    assert (same.exit_code, same.stdout) == (0, "")
    differing = run("diff", DEFAULT, edited)
    assert differing.exit_code == 1
    assert "route balanced: quality 95 % → 90 %" in differing.stdout
    assert document("diff", DEFAULT, edited)["changes"] == differing.stdout.splitlines()
    failing = run("diff", DEFAULT, broken)
    assert (failing.exit_code, failing.stdout) == (2, "")
