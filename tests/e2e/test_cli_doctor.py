"""`tiergate doctor` against real servers: Valkey, a model server, a gateway that runs."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.adapters.clock import SystemClock
from gateway.app.cli_doctor import app
from gateway.app.doctor import Level
from gateway.app.doctor_network import redis
from gateway.app.settings import read_settings
from tests.e2e.cli_process import ended, serving
from tests.e2e.test_cli_serve import NOWHERE, POLICY, save, written
from tests.support.fault_server import FaultServer
from tests.support.redis_server import RedisServer, running_redis, scripted_listener


async def test_a_sound_world_gets_a_clean_report(tmp_path: Path) -> None:
    async with FaultServer() as server:
        policy = save(tmp_path / "p.yaml", POLICY.format(url=server.base_url).replace("model: ok", "model: fault"))
        code, output, errors = await ended("doctor", "--policy", str(policy), "--port", "0", "--json")
    assert code == 0, output + errors
    report = json.loads(output)
    assert report["sound"] is True
    endpoints = [entry for entry in report["findings"] if entry["subject"].startswith("endpoint")]
    assert [entry["level"] for entry in endpoints] == ["ok", "ok"]


async def test_beside_a_running_gateway_the_port_is_known_to_be_ours(tmp_path: Path) -> None:
    policy = written(tmp_path, NOWHERE)
    async with serving("--policy", str(policy)) as gateway:
        port = gateway.origin.rpartition(":")[2]
        code, output, _ = await ended("doctor", "--policy", str(policy), "--port", port)
    assert code == 1
    assert "is held by a Tiergate that is running" in output
    assert "fail  endpoint small/0" in output
    assert "to mend it: start it" in output


def test_settings_that_are_wrong_end_it_before_it_begins() -> None:
    result = CliRunner().invoke(app, ["--port", "none"])
    assert result.exit_code == 3
    assert "--port must be a whole number" in result.stderr


async def test_a_real_server_tells_its_version_and_its_round_trip() -> None:
    with running_redis() as server:
        finding = await redis(read_settings({}, {"redis_url": server.url}), SystemClock())
    assert finding.level is Level.OK
    assert "round trip" in finding.what
    assert finding.what.startswith(("Valkey ", "Redis "))


async def test_a_user_who_may_not_ask_for_the_version_is_well_too() -> None:
    async with scripted_listener(b"+PONG\r\n", b"+PONG\r\n", b"-NOPERM no permissions\r\n") as (host, port):
        finding = await redis(read_settings({}, {"redis_url": f"redis://{host}:{port}/0"}), SystemClock())
    assert finding.level is Level.OK
    assert "may not ask for its version" in finding.what


async def test_a_server_that_hangs_is_given_up() -> None:
    with running_redis() as server:
        await frozen(server)


async def frozen(server: RedisServer) -> None:
    server.freeze()
    try:
        async with asyncio.timeout(30.0):
            finding = await redis(read_settings({}, {"redis_url": server.url}), SystemClock())
    finally:
        server.thaw()
    assert finding.level is Level.FAIL
    assert "does not answer within 2 s" in finding.what


@pytest.mark.parametrize("second", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-LOADING the dataset\r\n"])
async def test_a_server_that_cannot_serve_is_a_failure(second: bytes) -> None:
    async with scripted_listener(b"+PONG\r\n", second) as (host, port):
        finding = await redis(read_settings({}, {"redis_url": f"redis://{host}:{port}/0"}), SystemClock())
    assert finding.level is Level.FAIL
    assert "cannot be used" in finding.what
