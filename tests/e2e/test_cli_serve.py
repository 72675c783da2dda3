"""`tiergate serve` as an operator starts it: a real process, the official client, a scripted model server behind."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from gateway.app.settings import EXIT_CANNOT_START
from tests.e2e.cli_process import WITHIN_S, RunningGateway, ended, serving
from tests.support.fault_server import FaultServer

POLICY = """\
version: 1
tiers:
  small:
    model: ok
    price: {{input: 0.02, output: 0.06}}
    context: 32k
    ability: {{like: qwen2.5-3b-instruct}}
    endpoints: [{{url: "{url}"}}]
  large:
    model: ok
    price: {{input: 0.20, output: 0.60}}
    context: 32k
    ability: {{like: qwen2.5-32b-instruct}}
    endpoints: [{{url: "{url}"}}]
models: {{auto: {{route: balanced}}, small: {{tier: small}}}}
routes: {{balanced: {{quality: 95%}}}}
"""

NOWHERE = "http://127.0.0.1:9/v1"
GOOD = POLICY.format(url=NOWHERE)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy whose servers are nowhere: for what never gets so far as to ask one."""
    return written(tmp_path, NOWHERE)


def written(folder: Path, url: str) -> Path:
    """Write the policy into a folder, with this address for its servers."""
    return save(folder / "policy.yaml", POLICY.format(url=url))


def save(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@asynccontextmanager
async def asking(gateway: RunningGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client:
        yield client


async def told(gateway: RunningGateway, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Ask for the policy in force until it is as expected."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so(answer := await gateway.policy()):
            pass
    return answer


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_it_announces_itself_answers_and_ends_well(tmp_path: Path, workers: str) -> None:
    async with FaultServer() as server:
        policy = written(tmp_path, server.base_url)
        async with serving("--policy", str(policy), "--workers", workers) as gateway:
            assert f"(policy {policy}, open: loopback only" in gateway.said
            async with asking(gateway) as client:
                message: Any = {"role": "user", "content": "Hello"}
                answer = await client.chat.completions.create(model="auto", messages=[message])
                assert answer.choices[0].message.content
                stream = await client.chat.completions.create(model="small", messages=[message], stream=True)
                pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
                assert "".join(pieces)
            code, errors = await gateway.stopped()
    assert code == 0
    assert "Traceback" not in errors


async def test_a_port_in_use_ends_the_start_with_its_reason(policy: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, errors = await ended("serve", "--policy", str(policy), "--port", port)
    assert code == EXIT_CANNOT_START
    assert f"Port {port} of 127.0.0.1 is in use" in errors


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_problems_of_the_policy_are_told_once_and_end_the_start(policy: Path, workers: str) -> None:
    save(policy, GOOD.replace("context: 32k", "context: 32q", 1))
    code, output, errors = await ended("serve", "--policy", str(policy), "--port", "0", "--workers", workers)
    assert code == EXIT_CANNOT_START
    assert output == ""
    assert errors.count(f"{policy}:6:14: tiers.small.context:") == 1


async def test_a_policy_without_keys_is_refused_where_others_could_reach_it(policy: Path) -> None:
    code, _, errors = await ended("serve", "--policy", str(policy), "--port", "0", "--host", "0.0.0.0")
    assert code == EXIT_CANNOT_START
    assert "declares no tenants" in errors
    assert "--host 127.0.0.1" in errors


@pytest.mark.parametrize("way", ["in place", "by rename"])
async def test_an_edit_is_in_force_soon_and_a_bad_one_changes_nothing(policy: Path, way: str) -> None:
    def edit(text: str) -> None:
        if way == "in place":
            save(policy, text)
        else:
            save(policy.with_suffix(".new"), text)
            os.replace(policy.with_suffix(".new"), policy)

    async with serving("--policy", str(policy)) as gateway:
        first = (await gateway.policy())["snapshot"]
        edit(GOOD.replace("quality: 95%", "quality: 90%"))
        second = (await told(gateway, lambda answer: answer["snapshot"] != first))["snapshot"]
        edit(GOOD.replace("quality: 95%", "quality: 90"))
        after = await told(gateway, lambda answer: answer["problems"])
        assert after["snapshot"] == second
        assert after["reloads"] == {"accepted": 1, "refused": 1}
        assert "routes.balanced.quality" in after["problems"][0]
        edit(GOOD)
        assert (await told(gateway, lambda answer: answer["snapshot"] == first))["problems"] == []
        code, errors = await gateway.stopped()
    assert code == 0
    assert f"the policy was not taken; {second} stays in force" in errors


async def test_the_receipt_of_a_request_is_told(tmp_path: Path) -> None:
    async with FaultServer() as server, serving("--policy", str(written(tmp_path, server.base_url))) as gateway:
        async with asking(gateway) as client:
            message: Any = {"role": "user", "content": "What is the capital of France?"}
            raw = await client.chat.completions.with_raw_response.create(model="auto", messages=[message])
            request_id = raw.headers["x-tiergate-request-id"]
        code, output, errors = await receipt_told(gateway, request_id)
    assert code == 0, errors
    assert f"request {request_id}" in output
    assert "success_upstream, status 200" in output
    assert "(best_value)" in output


async def receipt_told(gateway: RunningGateway, request_id: str) -> tuple[int | None, str, str]:
    """Run `tiergate explain --id`; a receipt is written behind the client's back, so it may take a moment."""
    while True:
        code, output, errors = await ended("explain", "--id", request_id, "--url", gateway.origin)
        if code == 0 or "says 404" not in errors:
            return code, output, errors
