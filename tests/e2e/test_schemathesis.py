"""Hundreds of generated requests, sound and unsound, against our own description of the API."""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
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
RUN_LIMIT_S = 240.0
CHECKS = (
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
NO_SERVER_ERROR = "not_a_server_error"
"""Asked of the gateway before a server that answers everything: llama.cpp finds 500 in a few strange requests, which
we then tell as 502."""
PATIENCE_MS = 60_000
_ALIASES = {
    "ChatRequest": "chat",
    "CompletionRequest": "completions",
    "EmbeddingRequest": "embeddings",
    "MessagesRequest": "messages",
    "MessagesPrompt": "messages",
    "ResponsesRequest": "responses",
    "SystemOneRequest": "embeddings",
    "DecisionRequest": "embeddings",
    "RerankRequest": "embeddings",
}
"""One for each operation, so that the metrics tell them apart."""
_WRITTEN = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
}
"""What a real server makes a difference to."""


def policy(generating_url: str, embedding_url: str) -> str:
    """Return a policy with one server for text and one for what no model writes, for holders of a key."""
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
    supports: [systemone, decisions, rerank]
    endpoints: [{{url: "{embedding_url}"}}]
models:
  chat: {{route: balanced}}
  completions: {{route: balanced}}
  embeddings: {{tier: embeddings}}
  messages: {{route: balanced}}
  responses: {{route: balanced}}
routes:
  balanced: {{cache: {{exact: off}}}}
tenants:
  team: {{keys: [env:TEAM_KEY]}}
"""


def told_what_is_served(paths: Collection[str]) -> str:
    """Return our description with what it cannot know: this policy's aliases, and roles that a chat template has.

    Otherwise nearly every request would end at an unknown name, and the models would never be reached.
    """
    document: dict[str, Any] = json.loads(OPENAPI.read_bytes())
    document["paths"] = {path: told for path, told in document["paths"].items() if path in (paths or document["paths"])}
    schemas = document["components"]["schemas"]
    for name, alias in _ALIASES.items():
        schemas[name]["properties"]["model"] = {"enum": [alias]}
    schemas["Message"]["properties"]["role"] = {"enum": ["system", "user", "assistant"]}
    # Who allows a millisecond gets a 504, and should: here every caller allows as long as the servers take.
    document["components"]["parameters"]["Deadline"]["schema"]["minimum"] = PATIENCE_MS
    # This key may not choose its tier.
    for path in document["paths"].values():
        for operation in path.values():
            wanted = [other for other in operation.get("parameters", []) if "PinnedTier" not in other.get("$ref", "")]
            operation["parameters"] = wanted
    return json.dumps(document)


def count(gateway: RunningGateway, *parts: str) -> float:
    """Add up the series whose names have all these parts."""
    series = read_series(httpx.get(gateway.origin + "/metrics").text)
    return sum(value for name, value in series.items() if all(part in name for part in parts))


def generated(gateway: RunningGateway, folder: Path, checks: Sequence[str], paths: Collection[str]) -> int:
    """Send generated requests until the description is covered; return their number. Fails with the whole report."""
    described = folder / "openapi.json"
    described.write_text(told_what_is_served(paths))
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(described), "--url", gateway.origin]
    command += ["--header", f"Authorization: Bearer {TEAM_KEY}", "--checks", ",".join(checks)]
    command += ["--max-examples", str(EXAMPLES), "--seed", "1"]
    if paths:
        # What covers the whole description is refused before any server is asked, for the most part.
        command += ["--phases", "fuzzing"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    report = run.stdout + run.stderr
    assert run.returncode == 0, report
    found = re.search(r"(\d+) generated, (\d+) passed", report)
    assert found is not None, report
    assert found[1] == found[2], report
    return int(found[1])


def assert_conforms(
    policy_text: str, folder: Path, checks: Sequence[str], paths: Mapping[str, str] | None = None
) -> None:
    """Serve the policy, send generated requests, and see that they reached models and broke nothing.

    `paths` with their aliases, where not all are to be asked.
    """
    aliases = list((paths or _ALIASES).values())
    file = folder / "policy.yaml"
    file.write_text(policy_text)
    with running_gateway(file, folder, **KEYS) as gateway:
        assert generated(gateway, folder, checks, paths or ()) >= EXAMPLES * len(aliases)
        for alias in aliases:
            answered = count(gateway, "tiergate_requests_total{", f'alias="{alias}"', 'outcome="success_upstream"')
            assert answered > 0, f"no request for {alias} got as far as a model"
        assert count(gateway, "tiergate_errors_total{", 'code="internal_error"') == 0
        assert "Traceback" not in gateway.errors.read_text()


def test_no_generated_request_finds_a_server_error_or_an_undescribed_answer(
    fault_process: FaultProcess, tmp_path: Path
) -> None:
    url = fault_process.base_url
    assert_conforms(policy(url, url), tmp_path, [NO_SERVER_ERROR, *CHECKS])


@pytest.mark.servers
def test_what_a_real_server_makes_of_generated_requests_is_described_too(
    fault_process: FaultProcess, nano_server: ModelServer, tmp_path: Path
) -> None:
    text = policy(nano_server.base_url, fault_process.base_url)
    assert_conforms(text, tmp_path, CHECKS, _WRITTEN)
