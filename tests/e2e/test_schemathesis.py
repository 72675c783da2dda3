"""Hundreds of generated requests, sound and unsound, against our own description of the API."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.cold_routes import OPENAPI
from gateway.app.demo_models import ModelServer
from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.live_policies import KEYS, TEAM_KEY
from tests.support.prometheus import read_series

EXAMPLES = 30
"""Generated requests an operation, on top of some five hundred that cover its description."""
RUN_LIMIT_S = 55.0
CHECKS = (
    "not_a_server_error",
    "response_schema_conformance",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""Not among them: that every unsound request is refused (unknown headers and members are let pass on purpose), and
that every sound one is taken (JSON Schema calls 16.0 an integer, and models have rules of their own)."""
_ALIASES = {"ChatRequest": "chat", "CompletionRequest": "completions", "EmbeddingRequest": "embeddings"}
"""One for each operation, so that the metrics tell them apart."""


def policy(generating_url: str, embedding_url: str) -> str:
    """Return a policy with one server for text and one for embeddings, for holders of a key."""
    return f"""\
version: 1
tiers:
  text:
    model: ok
    price: free
    context: 4k
    supports: [tools, json_schema, vision]
    ability: {{like: llama-3.1-8b-instruct}}
    endpoints: [{{url: "{generating_url}"}}]
  embeddings:
    model: ok
    price: free
    context: 4k
    endpoints: [{{url: "{embedding_url}"}}]
models:
  chat: {{route: balanced}}
  completions: {{route: balanced}}
  embeddings: {{tier: embeddings}}
routes:
  balanced: {{cache: {{exact: off}}}}
tenants:
  team: {{keys: [env:TEAM_KEY]}}
"""


def told_what_is_served() -> str:
    """Return our description with what it cannot know: this policy's aliases, and roles that a chat template has.

    Otherwise nearly every request would end at an unknown name, and the models would never be reached.
    """
    document: dict[str, Any] = json.loads(OPENAPI.read_bytes())
    schemas = document["components"]["schemas"]
    for name, alias in _ALIASES.items():
        schemas[name]["properties"]["model"] = {"enum": [alias]}
    schemas["Message"]["properties"]["role"] = {"enum": ["system", "user", "assistant"]}
    # This key may not choose its tier.
    for path in document["paths"].values():
        for operation in path.values():
            wanted = [other for other in operation.get("parameters", []) if "PinnedTier" not in other.get("$ref", "")]
            operation["parameters"] = wanted
    return json.dumps(document)


@pytest.fixture(params=["scripted", "real"])
def gateway(request: pytest.FixtureRequest, fault_process: FaultProcess, tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway in front of the scripted server, or of llama.cpp for all but embeddings."""
    url = fault_process.base_url
    if request.param == "real":
        nano: ModelServer = request.getfixturevalue("nano_server")
        url = nano.base_url
    file = tmp_path / "policy.yaml"
    file.write_text(policy(url, fault_process.base_url))
    with running_gateway(file, tmp_path, **KEYS) as gateway:
        yield gateway


def answered(gateway: RunningGateway, alias: str) -> float:
    """Count the requests for an alias that a model server answered."""
    series = read_series(httpx.get(gateway.origin + "/metrics").text)
    wanted = ("tiergate_requests_total{", f'alias="{alias}"', 'outcome="success_upstream"')
    return sum(value for name, value in series.items() if all(part in name for part in wanted))


@pytest.mark.servers
async def test_no_generated_request_finds_a_server_error_or_an_undescribed_answer(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    described = tmp_path / "openapi.json"
    described.write_text(told_what_is_served())
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(described), "--url", gateway.origin]
    command += ["--header", f"Authorization: Bearer {TEAM_KEY}", "--checks", ",".join(CHECKS)]
    command += ["--max-examples", str(EXAMPLES), "--seed", "1"]
    run = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(RUN_LIMIT_S):
        output, _ = await run.communicate()
    report = output.decode()
    assert run.returncode == 0, report
    found = re.search(r"(\d+) generated, (\d+) passed", report)
    assert found is not None, report
    assert int(found[1]) == int(found[2]) > 10 * EXAMPLES
    for alias in _ALIASES.values():
        assert answered(gateway, alias) > 0, f"no request for {alias} got as far as a model"
    assert "Traceback" not in gateway.errors.read_text()
