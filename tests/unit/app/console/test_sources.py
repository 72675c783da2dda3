"""Which worker's console it is, and what of it is shipped."""

import tomllib
from dataclasses import replace

from gateway.app.console.routes import STATIC
from gateway.app.console.sources import Place, place_of
from gateway.app.setting_values import Address
from gateway.app.settings import read_settings
from tests.architecture.sources import ROOT

SETTINGS = replace(read_settings({}, {}), admin=Address("127.0.0.1", 8083), workers=4)


def test_the_only_worker_is_the_first() -> None:
    assert place_of(replace(SETTINGS, workers=1), 0) == Place(1, 1, 8083, 8080)


def test_other_workers_are_found_by_their_ports() -> None:
    place = place_of(SETTINGS, 3)
    assert [place.admin_port_of(number) for number in (1, 3, 4)] == [8081, 8083, 8084]


def test_the_page_s_files_are_shipped_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["gateway"]
    shipped = {path for pattern in patterns for path in (ROOT / "gateway").glob(pattern)}
    assert set(STATIC.iterdir()) <= shipped
