"""The stage: what it says when it cannot be set, and when the client is gone."""

import sys
from pathlib import Path

import pytest

from gateway.app.demo_gateway import DemoGateway
from gateway.app.demo_models import DemoUnavailable, start_process
from gateway.app.demo_questions import Question
from gateway.app.demo_stage import Stage, start_client
from tests.support.networks import free_port


async def test_a_client_that_is_gone_is_told_with_its_log(tmp_path: Path) -> None:
    client = await start_client("not a url", tmp_path / "client.log")
    idle = start_process([sys.executable, "-c", "pass"], tmp_path / "gateway.log")
    gateway = DemoGateway(free_port(), free_port(), tmp_path / "gateway.log", idle)
    client.kill()
    await client.wait()
    running = Stage(tmp_path, tmp_path / "demo.yaml", {}, {}, gateway, client)
    with pytest.raises(DemoUnavailable, match=r"client\.log"):
        await running.ask([Question("Hi")])
    await running.aclose()
    assert idle.returncode is not None
