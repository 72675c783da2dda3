"""Bodies made to hurt, sent to a whole gateway: each is refused by its name, quickly, and in little memory."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.raw_http import CLOSES_WITHIN_S, answers_in, post

MODEL = "hostile-bodies"
JSON = b"Content-Type: application/json"
CHUNK_BYTES = 65_536
EXTRA_BYTES_MAX = 16 * 1024 * 1024
QUICK_S = 1.0
"""Ten to a hundred times what is needed, for machines that do other things as well."""
MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def gateway(fault_process: FaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """One gateway for this file, whose clients have a second to send their bodies."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "policy.yaml"
    path.write_text(
        f"""\
version: 1
tiers:
  only: {{model: {MODEL}, price: free, context: 4M, ability: {{like: gpt-4o}},
         endpoints: [{{url: "{fault_process.base_url}"}}]}}
models: {{auto: {{tier: only}}}}
limits: {{body_timeout: 1s}}
"""
    )
    with running_gateway(path, folder) as running:
        yield running


def send(gateway: RunningGateway, body: bytes) -> httpx.Response:
    """Send a body as it stands; it must be answered quickly."""
    began_s = time.monotonic()
    headers = {"content-type": "application/json"}
    answer = httpx.post(gateway.base_url + "/chat/completions", content=body, headers=headers, trust_env=False)
    assert time.monotonic() - began_s < QUICK_S
    return answer


def chat(**members: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": MESSAGES, **members}).encode()


def with_raw(name: str, value: str) -> bytes:
    """Put a member in as it is written, valid JSON or not."""
    return chat()[:-1] + f', "{name}": {value}}}'.encode()


def refusal_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def memory_bytes(pid: int, field: str) -> int:
    """Read a process's memory from its status: `VmRSS` now, `VmHWM` at its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def begin_memory_anew(pid: int) -> int:
    """Forget a process's highest memory so far, and return what it takes now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return memory_bytes(pid, "VmRSS")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads a process's memory as Linux tells it")
async def test_a_body_that_grows_without_end_takes_little_memory(gateway: RunningGateway) -> None:
    pid = gateway.process.pid
    before_bytes = begin_memory_anew(pid)
    url = httpx.URL(gateway.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(post(JSON, b"Transfer-Encoding: chunked"))
    chunk = b"%x\r\n" % CHUNK_BYTES + b"x" * CHUNK_BYTES + b"\r\n"

    async def send_without_end() -> None:
        while True:
            writer.write(chunk)
            await writer.drain()

    async with asyncio.timeout(CLOSES_WITHIN_S):
        with pytest.raises(ConnectionError):
            await send_without_end()
    writer.close()
    assert memory_bytes(pid, "VmHWM") - before_bytes < EXTRA_BYTES_MAX
    assert send(gateway, chat()).status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        pytest.param(b"[" * 1_000_000, "too_deep", None, id="a megabyte of brackets"),
        pytest.param(
            chat(messages=[{"role": "user", "content": "x"}] * 100_000), "limit_exceeded", "messages", id="many"
        ),
        pytest.param(with_raw("n", "1000000000"), "limit_exceeded", "n", id="n"),
        pytest.param(with_raw("best_of", "1000000000"), "limit_exceeded", "best_of", id="best_of"),
        pytest.param(with_raw("top_logprobs", "1000000000"), "limit_exceeded", "top_logprobs", id="top_logprobs"),
        pytest.param(with_raw("max_tokens", "-1"), "invalid_value", "max_tokens", id="negative"),
        pytest.param(with_raw("max_tokens", "1e400"), "invalid_value", "max_tokens", id="beyond all range"),
        pytest.param(with_raw("max_tokens", "true"), "invalid_value", "max_tokens", id="a truth"),
        pytest.param(with_raw("max_tokens", "NaN"), "malformed_body", "max_tokens", id="no number"),
        pytest.param(with_raw("user", f'"{"x" * 7_000_000}\\ud800"'), "malformed_body", None, id="half a pair"),
        pytest.param(b'{"model":"auto","model":"auto","messages":[]}', "duplicate_key", "model", id="a key twice"),
        pytest.param(chat().replace(b"hi", b"\xff"), "malformed_body", None, id="no UTF-8"),
        pytest.param("\ufeff{}".encode("utf-16"), "malformed_body", None, id="UTF-16"),
        *[
            pytest.param(chat(**{name: "http://evil"}), "forbidden_field", name, id=name)
            for name in ("api_base", "base_url", "api_key", "organization", "custom_llm_provider")
        ],
        pytest.param(chat(metadata={"api_base": "x"}), "forbidden_field", "metadata.api_base", id="metadata"),
    ],
)
def test_what_is_made_to_hurt_is_refused_by_its_name(
    gateway: RunningGateway, fault_process: FaultProcess, body: bytes, code: str, param: str | None
) -> None:
    asked = len(fault_process.requests(MODEL))
    assert refusal_of(send(gateway, body)) == (400, code, param)
    assert len(fault_process.requests(MODEL)) == asked, "no model server was asked"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbf" + chat(), id="a byte order mark"),
        pytest.param(with_raw("user", '"a\\u0000b"'), id="nul"),
        pytest.param(chat(guided_choice=["a", "b"], seed=2**53), id="what only the server knows"),
    ],
)
def test_what_is_odd_and_sound_is_served(gateway: RunningGateway, body: bytes) -> None:
    assert send(gateway, body).status_code == 200


async def test_a_body_that_does_not_come_is_a_408_and_the_connection_ends(gateway: RunningGateway) -> None:
    url = httpx.URL(gateway.base_url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(post(JSON, b"Content-Length: 100", body=b'{"model":'))
    async with asyncio.timeout(CLOSES_WITHIN_S):
        (answer,) = answers_in(await reader.read())
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert answer.headers[b"connection"] == b"close"
    writer.close()
