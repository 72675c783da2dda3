from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.app.cli_serve import app, greeting
from gateway.app.settings import read_settings
from tests.unit.policy.worlds import GOOD, MINIMAL, snapshot_of

BASE = "http://127.0.0.1:8080/v1"


def test_an_open_gateway_is_announced_with_a_first_request() -> None:
    told = greeting(BASE, read_settings({}, {}), snapshot_of(MINIMAL))
    first, curl = told.splitlines()
    assert first == f"Tiergate serves {BASE} (policy policies/default.yaml, open: loopback only); try:"
    assert curl.startswith(f'curl {BASE}/chat/completions -H \'content-type: application/json\' -d \'{{"model": "auto"')


def test_a_gateway_with_keys_says_that_one_is_needed() -> None:
    told = greeting(BASE, read_settings({}, {"workers": 2}), snapshot_of(GOOD))
    assert "(policy policies/default.yaml, 2 keys, 2 workers)" in told
    assert "-H 'authorization: Bearer YOUR-KEY'" in told


def test_the_first_request_names_a_model_that_there_is() -> None:
    renamed = MINIMAL.replace("models: {auto: {route: all}}", "models: {fixed: {tier: only}, clever: {route: all}}")
    assert '"model": "clever"' in greeting(BASE, read_settings({}, {}), snapshot_of(renamed))
    pinned = MINIMAL.replace("models: {auto: {route: all}}", "models: {fixed: {tier: only}}")
    assert '"model": "fixed"' in greeting(BASE, read_settings({}, {}), snapshot_of(pinned))


def test_all_settings_that_are_wrong_are_told_at_once() -> None:
    result = CliRunner().invoke(app, ["--port", "none", "--workers", "0"])
    assert result.exit_code == 3
    assert "--port must be a whole number" in result.stderr
    assert "--workers must be a whole number" in result.stderr


def test_without_a_policy_the_start_ends_with_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 3
    assert "policies/default.yaml cannot be read" in result.stderr
    assert "--policy FILE or TIERGATE_POLICY=FILE" in result.stderr
