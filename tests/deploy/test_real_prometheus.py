"""Every query of every dashboard, put to a real Prometheus that scrapes a real gateway under traffic of every kind.

No Grafana can be had here. What it would show is what Prometheus answers, so an empty answer is an empty panel.
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest

from gateway.app.demo_models import ModelServer
from tests.architecture.sources import ROOT
from tests.deploy.boards import Asked, asked_of_annotations, asked_of_panels, boards, choices
from tests.deploy.prometheus import Tools
from tests.deploy.traffic import KEYS, Traffic, policy
from tests.support.encoder_folders import artefact_with_encoder
from tests.support.fault_process import running_fault_server
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.networks import free_port
from tests.support.prometheus_process import Prometheus, running_prometheus
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prometheus, pytest.mark.servers, pytest.mark.xdist_group("prometheus")]
SETTINGS: Final = ROOT / "deploy/prometheus"
SCRAPE_S: Final = 1.0
BACK_S: Final = 25.0
"""How far back the queries look."""
DURATIONS: Final = {"__rate_interval": "15s", "__interval": "1s", "__range": "3m"}
"""What Grafana puts in for its own variables, at a scrape a second."""
ENOUGH_WITHIN_S: Final = 120.0
LATE_IS_OUT: Final = 'tiergate_endpoint_state{endpoint="late/0", state="ejected"} == 1'
NOTHING_IS_LOST: Final = "nothing is lost while the store is memory and the disk has room"
NONE_IS_WRONG: Final = "of the same question in other words no answer is wrong here"
ALONE: Final = "there is one worker"
ROOM: Final = "one worker has room for all of this"
QUIET: Final[Mapping[str, str]] = {
    "Cache / Answers that were not stored": NOTHING_IS_LOST,
    "Cache / Answers not stored": NOTHING_IS_LOST,
    "Cache / What befell kept answers": NOTHING_IS_LOST,
    "Cache / Tenants without semantic hits": NONE_IS_WRONG,
    "Cache / Share of compared answers that were wrong": NONE_IS_WRONG,
    "Cache / How often too many were wrong": NONE_IS_WRONG,
    "Cache / Searches of a server": "each worker searches its own memory",
    "Cache / Blocks dropped for want of memory": "the index holds all beginnings of these few prompts",
    "Cache / Requests not told to other workers": ALONE,
    "Cache / How old is other workers' news?": ALONE,
    "Gateway internals / What was lost": NOTHING_IS_LOST,
    "Gateway internals / Requests told to come back": ROOM,
    "Gateway internals / Requests that wait": ROOM,
    "Gateway internals / Batch requests that wait, and those under way": ROOM,
    "Gateway internals / Reloads": "the difficulty model stays the same; that policies are reloaded is asked elsewhere",
    "Routing quality / Scoring that failed or was late": "the toy encoder is quick",
    "Routing quality / Passes of the encoder that failed": "the toy encoder does not fail",
    "Tenants and budgets / Budgets that could not be checked": "the ledger is in memory",
    "Tiers and endpoints / What servers say of their load": "a server may be idle whenever it is asked, every 2 s",
    "Tiers and endpoints / Requests that kill servers": "no server is killed here",
    "Overview / Alarms that ring": "whether one does is asked below",
}
"""Panels whose right answer may be nothing but zeros, and why. They must have samples all the same."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A Prometheus that has seen everything happen, and the queries that have shown nothing all the while."""

    prometheus: Prometheus
    empty: list[Asked]


@pytest.fixture(scope="module")
def watched(
    prometheus_tools: Tools, model_servers: Mapping[str, ModelServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """Prometheus, once everything that happens has been scraped."""
    folder = tmp_path_factory.mktemp("watched")
    artefact = artefact_with_encoder(tmp_path_factory.mktemp("artefact"))
    file, late_port = folder / "policy.yaml", free_port()
    nano, small = (model_servers[name].base_url for name in ("nano", "small"))
    with running_fault_server() as scripted, running_fault_server() as twin:
        both = (scripted.base_url, twin.base_url)
        file.write_text(policy(nano, small, both, f"http://127.0.0.1:{late_port}/v1"))
        with (
            running_gateway(file, folder, TIERGATE_ARTEFACTS=str(artefact), **KEYS) as gateway,
            running_prometheus(prometheus_tools.prometheus, settings_for(gateway, folder), folder) as prometheus,
        ):
            yield Watched(prometheus, asyncio.run(happen(gateway, prometheus, file, late_port)))


def settings_for(gateway: RunningGateway, folder: Path) -> Path:
    """Write the settings that are shipped, with this gateway as target, and in a hurry."""
    text = (SETTINGS / "prometheus.yml").read_text("utf-8")
    for shipped, here in (
        (r"127\.0\.0\.1:8080", gateway.origin.removeprefix("http://")),
        (r"scrape_interval: \S+", f"scrape_interval: {SCRAPE_S:g}s"),
        (r"scrape_timeout: \S+", f"scrape_timeout: {SCRAPE_S:g}s"),
        (r"evaluation_interval: \S+", f"evaluation_interval: {SCRAPE_S:g}s"),
        (r"- rules/", f"- {SETTINGS}/rules/"),
    ):
        text, found = re.subn(shipped, here, text)
        assert found == 1, f"the settings that are shipped have no {shipped}"
    file = folder / "prometheus.yml"
    file.write_text(text)
    return file


async def happen(gateway: RunningGateway, prometheus: Prometheus, file: Path, late_port: int) -> list[Asked]:
    """Let everything happen that a dashboard shows, until all of it is seen; return what is not within a while."""
    await eventually(lambda: has(prometheus, 'up{job="tiergate"} == 1'), ENOUGH_WITHIN_S)
    over, deadline_s, traffic = asyncio.Event(), time.monotonic() + ENOUGH_WITHIN_S, Traffic(gateway.base_url)
    running = asyncio.create_task(traffic.run(over.is_set))
    try:
        trying = asyncio.create_task(traffic.try_the_late_one())
        await eventually(lambda: has(prometheus, LATE_IS_OUT), ENOUGH_WITHIN_S)
        trying.cancel()
        await asyncio.wait([trying])
        with running_fault_server(late_port):
            await edit(prometheus, file)
            unseen = everything()
            while unseen and time.monotonic() < deadline_s:
                unseen = await asyncio.to_thread(still_lacking, prometheus, unseen)
                await asyncio.wait([running], timeout=SCRAPE_S)
    finally:
        over.set()
        await running
    return unseen


async def edit(prometheus: Prometheus, file: Path) -> None:
    """Change the policy, once well and once badly, and put it back."""
    sound = await asyncio.to_thread(file.read_text)
    for text, result in ((sound.replace("window: day", "window: month"), "accepted"), ("version: 2\n", "refused")):
        await asyncio.to_thread(file.write_text, text)
        seen = f'tiergate_policy_reloads_total{{result="{result}"}} > 0'
        await eventually(partial(has, prometheus, seen), ENOUGH_WITHIN_S)
    await asyncio.to_thread(file.write_text, sound)


def has(prometheus: Prometheus, expression: str) -> bool:
    """Tell whether there is a sample of it from the last seconds."""
    return bool(prometheus.values(expression, back_s=5.0))


def everything() -> list[Asked]:
    """Return all queries of all dashboards."""
    return [
        asked
        for board in boards().values()
        for asked in (*asked_of_panels(board, DURATIONS), *asked_of_annotations(board, DURATIONS))
    ]


def is_lacking(prometheus: Prometheus, asked: Asked) -> bool:
    """Tell whether a query has no sample, or nothing but zeros where something should be seen."""
    values = prometheus.values(asked.expression, back_s=BACK_S)
    return not values or (asked.place not in QUIET and not any(values))


def still_lacking(prometheus: Prometheus, queries: Sequence[Asked]) -> list[Asked]:
    """Return those that show nothing yet."""
    return [asked for asked in queries if is_lacking(prometheus, asked)]


def test_no_panel_is_empty(watched: Watched) -> None:
    told = "\n".join(f"{asked.place}: {asked.expression}" for asked in watched.empty)
    assert not watched.empty, f"{len(watched.empty)} of {len(everything())} queries show nothing:\n{told}"


def test_what_is_excused_is_a_panel() -> None:
    assert set(QUIET) <= {asked.place for asked in everything()}


def test_a_mistyped_name_is_found(watched: Watched) -> None:
    sound = next(asked for asked in everything() if "tiergate_requests_total" in asked.expression)
    mistyped = Asked(sound.place, sound.expression.replace("tiergate_requests_total", "tiergate_request_total"))
    assert not is_lacking(watched.prometheus, sound)
    assert is_lacking(watched.prometheus, mistyped)


def test_what_can_be_chosen_has_values(watched: Watched) -> None:
    for title, board in boards().items():
        for name, metric, label in choices(board):
            present = f'count by ({label}) ({{__name__="{metric}", {label}!=""}})'
            assert watched.prometheus.values(present, back_s=BACK_S), f"{title}: nothing to choose from for {name}"


def test_alarms_ring_for_what_happened(watched: Watched) -> None:
    assert "PolicyReloadRefused" in watched.prometheus.alarms()


def test_promtool_finds_no_fault_with_what_a_gateway_tells(watched: Watched, prometheus_tools: Tools) -> None:
    (target,) = watched.prometheus.targets()
    told = httpx.get(target, trust_env=False).content
    command = [str(prometheus_tools.promtool), "check", "metrics"]
    checked = subprocess.run(command, input=told, capture_output=True, check=False)
    assert (checked.returncode, (checked.stdout + checked.stderr).decode()) == (0, "")
