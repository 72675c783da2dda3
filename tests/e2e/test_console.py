"""The console of a gateway as operators start it: by a listener of its own, and by no other."""

import re
from pathlib import Path

import httpx
import pytest

from gateway.app.settings import EXIT_CANNOT_START
from tests.support.gateway_process import ended, running_gateway, started
from tests.support.live_policies import two_tiers

NOBODY = "http://127.0.0.1:9/v1"


def test_the_console_answers_by_its_own_listener_alone(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(two_tiers(NOBODY, NOBODY))
    with running_gateway(policy, tmp_path, TIERGATE_ADMIN="0") as gateway, httpx.Client(trust_env=False) as client:
        found = re.search(r"The console is at (http://\S+/console)", gateway.errors.read_text())
        assert found is not None
        page = client.get(found[1])
        assert (page.status_code, "Tiergate console" in page.text) == (200, True)
        assert f"{gateway.base_url}/chat/completions" in page.text
        assert client.get(f"{gateway.origin}/console").status_code == 404
        body = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
        assert client.post(f"{gateway.base_url}/chat/completions", json=body).status_code == 502
        assert "upstream failed" in client.get(f"{found[1]}/now").text


@pytest.mark.parametrize("admin", ["0", "65535"])
async def test_each_of_several_workers_needs_a_port_for_its_console(admin: str) -> None:
    async with started("tests.e2e.edge_service:closed", TIERGATE_WORKERS="2", TIERGATE_ADMIN=admin) as process:
        code, said = await ended(process)
    assert code == EXIT_CANNOT_START
    assert "--admin needs 2 ports in a row" in said


async def test_a_gateway_without_keys_opens_no_console_beyond_this_machine() -> None:
    async with started("tests.e2e.edge_service:opened", TIERGATE_ADMIN="0.0.0.0:0") as process:
        code, said = await ended(process)
    assert code == EXIT_CANNOT_START
    assert "no other --admin" in said
