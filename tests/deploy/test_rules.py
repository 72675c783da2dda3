"""Every alarm is about what exists, has a runbook, and is shown to ring and to be silent."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import BLAME, Blame, Outcome
from tests.architecture.sources import ROOT
from tests.deploy.prometheus import Tools
from tests.deploy.series import faults_in, series_in

FOLDER: Final = ROOT / "deploy/prometheus"
RULE_FILES: Final = sorted((FOLDER / "rules").glob("*.yaml"))
TEST_FILES: Final = sorted((FOLDER / "tests").glob("*.yaml"))
SEVERITIES: Final = {"critical", "warning"}


def _rules(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in RULE_FILES:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            yield from ((file.stem, rule) for rule in group["rules"] if kind in rule)


ALARMS: Final = {rule["alert"]: rule for _, rule in _rules("alert")}
RECORDED: Final = {rule["record"]: rule for _, rule in _rules("record")}
EVERY = pytest.mark.parametrize("name", ALARMS)


@pytest.mark.parametrize("name", [*ALARMS, *RECORDED])
def test_an_alarm_is_about_metrics_that_have_its_labels(name: str) -> None:
    expression = {**ALARMS, **RECORDED}[name]["expr"]
    # What is joined has labels of its own on either side.
    parts = re.split(r"\s(?:and|or|unless|/|>|\+)\s", expression)
    assert not [fault for part in parts for fault in faults_in(part)]
    recorded = re.findall(r"\w+:[\w:]+", expression)
    assert recorded or list(series_in(expression)) or "up{" in expression
    assert set(recorded) <= set(RECORDED)


def test_what_is_recorded_is_used() -> None:
    used = "".join(rule["expr"] for rule in ALARMS.values())
    assert [name for name in RECORDED if name not in used] == []


@pytest.mark.parametrize("name", [name for name in RECORDED if "requests_failed:" in name])
def test_held_against_the_service_is_what_it_or_a_model_server_is_to_blame_for(name: str) -> None:
    ours = {outcome for outcome in Outcome if BLAME[outcome] in {Blame.GATEWAY, Blame.UPSTREAM}}
    answered = {outcome for outcome in Outcome if BLAME[outcome] is Blame.NOBODY}
    failed, _, whole = (matchers["outcome"] for _, matchers in series_in(RECORDED[name]["expr"]))
    assert {outcome for outcome in Outcome if re.fullmatch(failed, outcome)} == ours
    assert {outcome for outcome in Outcome if re.fullmatch(whole, outcome)} == ours | answered


@EVERY
def test_an_alarm_says_how_grave_it_is_what_has_happened_and_what_to_do(name: str) -> None:
    rule = ALARMS[name]
    assert rule["labels"] == {"severity": rule["labels"]["severity"], "service": "tiergate"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{name}.md"
    assert (ROOT / f"deploy/runbooks/{name}.md").is_file()


@EVERY
def test_an_alarm_is_shown_to_ring_and_to_be_silent(name: str) -> None:
    asked = [
        bool(case["exp_alerts"])
        for file in TEST_FILES
        for group in yaml.safe_load(file.read_text("utf-8"))["tests"]
        for case in group["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert set(asked) == {True, False}


def test_the_errors_that_alarms_name_are_told_from_the_start() -> None:
    named = {
        matchers["code"]
        for rule in ALARMS.values()
        for series, matchers in series_in(rule["expr"])
        if series == "tiergate_errors_total"
    }
    assert named == {ErrorCode.TIER_UNAVAILABLE, ErrorCode.INTERNAL_ERROR}


def _promtool(tools: Tools, *arguments: str | Path) -> None:
    done = subprocess.run([tools.promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_promtool_takes_the_settings_and_the_rules(prometheus_tools: Tools) -> None:
    _promtool(prometheus_tools, "check", "config", FOLDER / "prometheus.yml")
    _promtool(prometheus_tools, "check", "rules", "--lint-fatal", *RULE_FILES)


@pytest.mark.prometheus
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: str(file.stem))
def test_alarms_ring_when_they_should_and_only_then(prometheus_tools: Tools, file: Path) -> None:
    _promtool(prometheus_tools, "test", "rules", file)
