"""Two workers on a port without a Redis: whichever is asked knows of what the other keeps for itself."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.services import write_policy

ASKED = 8
"""New connections: that all of them reach one worker happens once in 128 times, and harms nothing."""
KEYS = {"TEAM_KEY": "sk-team", "GUEST_KEY": "sk-guest"}
TENANTS = "tenants: {team: {keys: [env:TEAM_KEY]}, guest: {keys: [env:GUEST_KEY]}}\n"
BODY = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
COUNTS = re.compile(r'^tiergate_requests_total\{outcome="success_upstream".*\} (\d+)$', re.MULTILINE)
TEAM, GUEST = ({"authorization": f"Bearer {KEYS[name]}"} for name in ("TEAM_KEY", "GUEST_KEY"))


@asynccontextmanager
async def new_connections(gateway: RunningGateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every request comes by a connection of its own, which the kernel deals to either worker."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=gateway.origin, trust_env=False, timeout=30.0, limits=limits) as client:
        yield client


async def test_receipts_and_metrics_are_those_of_all_workers(tmp_path: Path, fault_process: FaultProcess) -> None:
    path = tmp_path / "policy.yaml"
    write_policy(path, fault_process.base_url.removesuffix("/v1"), more=TENANTS)
    variables = {**KEYS, "TIERGATE_WORKERS": "2", "TMPDIR": str(tmp_path)}
    with running_gateway(path, tmp_path, **variables) as gateway:
        async with new_connections(gateway) as client:
            while 'tiergate_scrape_workers{worker="1"} 2' not in (await client.get("/metrics")).text:
                pass
            names = []
            for _ in range(ASKED):
                answer = await client.post("/v1/chat/completions", json=BODY, headers=TEAM)
                assert answer.status_code == 200
                names.append(answer.headers["x-tiergate-request-id"])
            for name in names:
                found = await client.get(f"/v1/receipts/{name}", headers=TEAM)
                assert (found.status_code, found.json()["request_id"]) == (200, name)
                assert (await client.get(f"/v1/receipts/{name}", headers=GUEST)).status_code == 404
            for _ in range(3):
                page = (await client.get("/metrics")).text
                counts = re.findall(
                    r'^tiergate_requests_total\{outcome="success_upstream".*\} (\d+)$', page, re.MULTILINE
                )
                assert sum(map(int, counts)) == ASKED
                assert set(re.findall(r'worker="(\d)"', page)) == {"1", "2"}
    assert not [name for name in os.listdir(tmp_path) if name.startswith("tiergate-")]
