"""The files by which Prometheus finds gateways, and Grafana finds Prometheus and dashboards, fit together."""

from typing import Any, Final

import yaml

from gateway.app.settings import TABLE
from tests.architecture.sources import ROOT
from tests.deploy.test_rules import ALARMS

PROVISIONING: Final = ROOT / "deploy/grafana/provisioning"


def _read(place: str) -> Any:
    return yaml.safe_load((ROOT / "deploy" / place).read_text("utf-8"))


def test_prometheus_scrapes_where_a_gateway_listens_by_the_name_that_the_rules_know() -> None:
    (scraped,) = _read("prometheus/prometheus.yml")["scrape_configs"]
    default = {setting.name: setting.default for setting in TABLE}
    (target,) = scraped["static_configs"][0]["targets"]
    assert target == f"{default['host']}:{default['port']}"
    assert f'job="{scraped["job_name"]}"' in ALARMS["GatewayDown"]["expr"]


def test_a_scrape_ends_before_the_next_and_rates_are_taken_over_several() -> None:
    settings = _read("prometheus/prometheus.yml")["global"]
    (source,) = _read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert int(settings["scrape_timeout"].rstrip("s")) < int(settings["scrape_interval"].rstrip("s"))
    assert source["jsonData"]["timeInterval"] == settings["scrape_interval"]
    assert settings["external_labels"].keys() == {"runbooks"}


def test_grafana_is_told_by_its_environment_what_the_overview_says() -> None:
    overview = (ROOT / "deploy/README.md").read_text("utf-8")
    (source,) = _read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    (provider,) = _read("grafana/provisioning/dashboards/tiergate.yaml")["providers"]
    for variable in (source["url"], provider["options"]["path"]):
        assert f"`{variable.strip('${}')}`" in overview
