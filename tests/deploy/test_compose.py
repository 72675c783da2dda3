"""The services of the compose file: every port, file, setting, name and model that one says of another is so."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.app.policy_reading import compiler
from gateway.app.settings import TABLE
from gateway.domain.tier import Secret
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.architecture.sources import ROOT
from tests.deploy.test_container import lint
from tests.deploy.test_rules import ALARMS, SEVERITIES
from tests.support.consoles import ARTEFACT

FOLDER: Final = ROOT / "deploy/compose"
FILE: Final = FOLDER / "compose.yaml"


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


COMPOSE: Final = _read("compose.yaml")
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
SETTINGS: Final = {setting.variable: setting for setting in TABLE}
LISTENS: Final = {
    "gateway": {8080, 8081},
    "valkey": {6379},
    "small": {8000},
    "large": {8000},
    "prometheus": {9090},
    "alertmanager": {9093},
    "grafana": {3000},
    "collector": {4317, 4318},
}
"""Ports by service. Those of ours, and those that the commands name, are compared below; the others are customary."""
EVERY = pytest.mark.parametrize("name", SERVICES)


def _policy() -> PolicySnapshot:
    name = FOLDER / "policy/policy.yaml"
    snapshot = compiler(ARTEFACT, Secret)(PolicySource(str(name), name.read_bytes()))
    assert isinstance(snapshot, PolicySnapshot), snapshot
    return snapshot


def _option(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def test_the_services_are_those_of_the_overview() -> None:
    assert SERVICES.keys() == LISTENS.keys()
    overview = (ROOT / "deploy/README.md").read_text("utf-8")
    assert "compose/compose.yaml" in overview
    for ports in ("8080", "8081", "3000", "9090", "9093"):
        assert ports in overview


@EVERY
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@EVERY
def test_what_is_published_listens_on_this_machine_only(name: str) -> None:
    for published in SERVICES[name].get("ports", []):
        host, _, inside = published.split(":")
        assert host == "127.0.0.1"
        assert int(inside) in LISTENS[name]


@EVERY
def test_what_is_mounted_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (FOLDER / source).exists(), f"{source} is not there"
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_no_volume_is_declared_for_nothing() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= used


@EVERY
def test_an_image_is_named_with_its_version(name: str) -> None:
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        build = SERVICES[name]["build"]
        assert (FOLDER / build["context"] / build["dockerfile"]).is_file()
    else:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", image)
        assert not image.endswith(":latest")


def test_the_gateways_variables_are_settings_or_secrets_that_the_policy_names() -> None:
    environment = SERVICES["gateway"]["environment"]
    policy = (FOLDER / "policy/policy.yaml").read_text("utf-8")
    for variable, value in environment.items():
        if variable in SETTINGS:
            if "${" not in value:
                SETTINGS[variable].parse(value)
        else:
            assert f"env:{variable}" in policy, f"{variable} is neither a setting nor named by the policy"
    for variable in re.findall(r"env:(\w+)", policy):
        assert variable in environment


def test_the_gateways_ports_are_those_of_its_settings() -> None:
    admin = SERVICES["gateway"]["environment"]["TIERGATE_ADMIN"]
    assert {int(SETTINGS["TIERGATE_PORT"].default), int(admin.rpartition(":")[2])} == LISTENS["gateway"]
    for variable in ("TIERGATE_REDIS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        host, port = re.findall(r"//(\w+):(\d+)", SERVICES["gateway"]["environment"][variable])[0]
        assert int(port) in LISTENS[host]


def test_the_gateway_is_not_killed_before_it_has_drained() -> None:
    grace_s = int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > float(SETTINGS["TIERGATE_LAME_DUCK_S"].default) + float(SETTINGS["TIERGATE_DRAIN_S"].default)


def test_the_policy_lies_where_the_image_looks_for_it() -> None:
    looked_for = re.findall(r"TIERGATE_POLICY=(\S+)", (ROOT / "deploy/docker/Dockerfile").read_text("utf-8"))
    (mounted,) = SERVICES["gateway"]["volumes"]
    source, target, _ = mounted.split(":")
    (policy,) = (FOLDER / source).iterdir()
    assert looked_for == [f"{target}/{policy.name}"]


def test_the_policy_is_sound_and_closed_and_its_servers_are_services() -> None:
    snapshot = _policy()
    assert not snapshot.is_open, "a gateway without keys would not listen beyond its container"
    for tier in snapshot.tiers.values():
        for endpoint in tier.endpoints:
            (host, port) = re.findall(r"//(\w+):(\d+)/v1$", endpoint.base_url)[0]
            command = SERVICES[host]["command"]
            assert _option(command, "--port") == port
            assert _option(command, "--host") == "0.0.0.0"
            assert _option(command, "--alias") == tier.model
            in_all = int(_option(command, "--ctx-size"))
            assert tier.context_tokens <= in_all // int(_option(command, "--parallel"))


def test_prometheus_scrapes_as_it_does_elsewhere_but_for_the_names() -> None:
    here, elsewhere = _read("prometheus.yml"), yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    targets = _targets(here)
    assert targets == ["alertmanager:9093", "gateway:8080"]
    for target in targets:
        host, port = target.split(":")
        assert int(port) in LISTENS[host]
    _targets(elsewhere)
    assert here == elsewhere


def _targets(settings: dict[str, Any]) -> list[str]:
    """Take the targets out of Prometheus' settings and return them."""
    (alertmanager,) = settings["alerting"]["alertmanagers"]
    (scraped,) = settings["scrape_configs"]
    return [target for each in (alertmanager, scraped) for target in each.pop("static_configs")[0]["targets"]]


def test_alertmanager_speaks_of_alarms_and_labels_that_there_are() -> None:
    settings = _read("alertmanager.yml")
    receivers = {receiver["name"] for receiver in settings["receivers"]}
    assert {settings["route"]["receiver"], *(route["receiver"] for route in settings["route"]["routes"])} == receivers
    matchers = [matcher for route in settings["route"]["routes"] for matcher in route["matchers"]]
    rules = settings["inhibit_rules"]
    matchers += [each for rule in rules for side in ("source_matchers", "target_matchers") for each in rule[side]]
    known = {"alertname": set(ALARMS), "severity": SEVERITIES, "service": {"tiergate"}}
    for matcher in matchers:
        ((label, value),) = re.findall(r'^(\w+) !?= "(\w+)"$', matcher)
        assert value in known[label], matcher


def test_alertmanager_takes_its_file() -> None:
    assert lint("amtool", "check-config", FOLDER / "alertmanager.yml") == ""


def test_grafana_is_given_what_its_files_read() -> None:
    environment = SERVICES["grafana"]["environment"]
    provisioning = ROOT / "deploy/grafana/provisioning"
    read = {
        name for file in provisioning.rglob("*.yaml") for name in re.findall(r"\$\{(\w+)\}", file.read_text("utf-8"))
    }
    assert read <= set(environment)
    assert environment["PROMETHEUS_URL"] == "http://prometheus:9090"
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["grafana"]["volumes"])
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == environment["TIERGATE_DASHBOARDS"]
    assert (FOLDER / mounted[str(home.parent)] / home.name).is_file()


def test_the_collector_s_pipelines_are_made_of_what_it_has() -> None:
    settings = _read("collector.yaml")
    ports = {int(each["endpoint"].rpartition(":")[2]) for each in settings["receivers"]["otlp"]["protocols"].values()}
    assert ports == LISTENS["collector"]
    for pipeline in settings["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= settings[kind].keys()


def test_the_file_is_a_compose_file() -> None:
    assert lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE) == ""


def test_a_slip_in_it_would_be_found(tmp_path: Path) -> None:
    spoilt = tmp_path / "compose.yaml"
    spoilt.write_text(FILE.read_text("utf-8").replace("depends_on:", "depend_on:", 1))
    assert "depend_on" in lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", spoilt)
