"""What parts of the gateway cost: the sums, the table, and the gateways that lack something."""

import argparse
import io
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from load_tests.bare_gateway import make_service as make_bare
from load_tests.compare import Cores
from load_tests.meter import Instructions, NoMeter, instructions_in
from load_tests.parts import PARTS, Price, add_arguments, price_table, swallowing
from load_tests.silent_gateway import make_service as make_silent
from load_tests.targets import BARE, SILENT, TARGETS, TELLING, UNCACHED, NotHere, Setting
from tests.support.services import running, settings

SETTING = Setting(81, 82, Path(), "", None, ("one", "two"))


def test_what_a_part_adds_is_taken_within_each_pair() -> None:
    price = Price(PARTS["log"], (100.0, 300.0, 200.0), (110.0, 305.0, 215.0))
    assert price.cost == (10.0, 5.0, 15.0)
    told = Console(file=io.StringIO(), width=130)
    told.print(price_table([price]))
    assert isinstance(told.file, io.StringIO)
    text = told.file.getvalue()
    assert "200.0 [150.0–250.0]" in text
    assert "10.0 [7.5–12.5]" in text
    assert "≤ 25 µs" in text


def test_what_another_api_costs_is_told_in_times_of_a_chat() -> None:
    part = PARTS["messages_stream"]
    price = Price(part, (100.0, 300.0, 200.0), (110.0, 360.0, 260.0))
    assert price.ratio == (1.1, 1.2, 1.3)
    told = Console(file=io.StringIO(), width=130)
    told.print(price_table([price]))
    assert isinstance(told.file, io.StringIO)
    assert "1.20 [1.15–1.25] ×" in told.file.getvalue()
    assert "≤ 1.3 ×" in told.file.getvalue()
    (without, chat), (whole, message) = part.sides
    assert without == whole
    assert (chat.body.api, message.body.api, message.connections) == ("chat", "messages", chat.connections)


def test_a_single_pair_has_no_middle_half() -> None:
    told = Console(file=io.StringIO(), width=130)
    told.print(price_table([Price(PARTS["chunk"], (4.0,), (5.5,))]))
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
    with pytest.raises(NotHere, match="python -m load_tests parts"):
        TARGETS[TELLING](SETTING)


async def test_a_silent_gateway_counts_no_request() -> None:
    async with running(make_silent(settings()).app) as client:
        assert (await client.post("/v1/chat/completions", json={"model": "auto"})).status_code == 400
        assert "tiergate_requests_total{" not in (await client.get("/metrics")).text


async def test_a_bare_gateway_answers_whatever_is_asked() -> None:
    async with running(make_bare(settings()).app) as client:
        answer = await client.post("/v1/chat/completions", content=b"no request at all")
        assert (answer.status_code, answer.json()["object"]) == (200, "chat.completion")


def test_gateways_that_lack_something_serve_the_same_policy_but_for_the_cache(tmp_path: Path) -> None:
    setting = Setting(81, 82, tmp_path, "", None, ("one", "two"))
    kept = {}
    for name in (BARE, UNCACHED):
        command = TARGETS[name](setting).command
        assert command is not None
        kept[name] = [line for line in (tmp_path / "policy.yaml").read_text("utf-8").splitlines() if "exact:" in line]
    assert kept == {
        BARE: ["    cache: {exact: 24h, max_temperature: 2}"],
        UNCACHED: ["    cache: {exact: off, max_temperature: 2}"],
    }


def test_parts_are_named_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["--of", "hit,miss"]).of == [PARTS["hit"], PARTS["miss"]]
    assert parser.parse_args([]).of == list(PARTS.values())
    with pytest.raises(SystemExit):
        parser.parse_args(["--of", "hit,mis"])
    assert "no part 'mis'; there are: log, chunk, miss, hit, messages" in capsys.readouterr().err


def test_a_count_of_instructions_is_read_once_it_is_whole() -> None:
    assert instructions_in("version: 1\nsummary: 5\n\nfn=main\n1 5\n\ntotals: 1234\n") == 1234
    assert instructions_in("version: 1\nsummary: 5\n\nfn=main\n1 5\n") is None


def test_without_valgrind_no_instructions_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoMeter, match="apt install valgrind"):
        Instructions(tmp_path)
