"""The server's own process: it ends when whoever started it ends, or when it is told to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.demo_models import ModelServer, start_server, wait_until_ready, write_model
from tests.support.networks import free_port

pytest.importorskip("xllamacpp")


def run_by_hand(model: Path, log: Path) -> ModelServer:
    port = free_port()
    command = [sys.executable, "-m", "gateway.app.demo_server", str(model), "--port", str(port), "--alias", "x"]
    with log.open("wb") as output:
        return ModelServer("x", port, log, subprocess.Popen(command, stdout=output, stderr=output))


@pytest.mark.servers
async def test_a_server_ends_when_its_starter_is_gone(tmp_path: Path) -> None:
    write_model("nano", tmp_path / "nano.gguf")
    server = start_server(tmp_path / "nano.gguf", free_port(), "orphan", tmp_path / "log")
    await wait_until_ready(server)
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(10.0) == 0


@pytest.mark.servers
async def test_a_server_run_by_hand_ends_at_the_signal(tmp_path: Path) -> None:
    write_model("nano", tmp_path / "nano.gguf")
    server = run_by_hand(tmp_path / "nano.gguf", tmp_path / "log")
    await wait_until_ready(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10.0) == 0
