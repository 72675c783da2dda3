"""What telemetry costs: the sums, the table, and the gateway that tells nobody."""

import io
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from load_tests.compare import Cores
from load_tests.silent_gateway import make_service
from load_tests.targets import SILENT, TARGETS, TELLING, NotHere, Setting
from load_tests.telemetry import Price, price_table, swallowing
from tests.support.services import running, settings

SETTING = Setting(81, 82, Path(), "", None, ("one", "two"))


def test_what_telemetry_adds_is_taken_within_each_pair() -> None:
    price = Price("a request", (100.0, 300.0, 200.0), (110.0, 305.0, 215.0), 25.0)
    assert price.cost_us == (10.0, 5.0, 15.0)
    told = Console(file=io.StringIO(), width=130)
    told.print(price_table([price]))
    assert isinstance(told.file, io.StringIO)
    text = told.file.getvalue()
    assert "200.0 [150.0–250.0]" in text
    assert "10.0 [7.5–12.5]" in text
    assert "≤ 25" in text


def test_a_single_pair_has_no_middle_half() -> None:
    told = Console(file=io.StringIO(), width=130)
    told.print(price_table([Price("a chunk", (4.0,), (5.5,), 2.0)]))
    assert isinstance(told.file, io.StringIO)
    assert "1.5   " in told.file.getvalue()


def test_whatever_a_collector_would_take_is_taken() -> None:
    with swallowing(Cores(None, None)) as collector, httpx.Client(trust_env=False) as client:
        assert client.post(f"{collector}/v1/traces", content=b"spans").status_code == 200


def test_both_gateways_are_started_from_here(tmp_path: Path) -> None:
    setting = Setting(81, 82, tmp_path, "", None, ("one", "two"), collector="http://127.0.0.1:83")
    silent, telling = TARGETS[SILENT](setting).command, TARGETS[TELLING](setting).command
    assert silent is not None
    assert "load_tests.silent_gateway" in silent
    assert telling is not None
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:83" in telling


def test_without_a_collector_nothing_is_told_to_one() -> None:
    with pytest.raises(NotHere, match="python -m load_tests telemetry"):
        TARGETS[TELLING](SETTING)


async def test_a_silent_gateway_counts_no_request() -> None:
    async with running(make_service(settings()).app) as client:
        assert (await client.post("/v1/chat/completions", json={"model": "auto"})).status_code == 400
        assert "tiergate_requests_total{" not in (await client.get("/metrics")).text
