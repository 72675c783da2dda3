"""What a whole gateway refuses before it looks at a body, in a process of its own."""

import gzip
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.gateway_process import ended, port_of, started
from tests.support.raw_http import Answer, converse, post

KEY = "sk-a-long-enough-virtual-key"
AUTHORIZED = b"Authorization: Bearer " + KEY.encode()
JSON = b"Content-Type: application/json"
BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "hello"}]}).encode()

POLICY = """
version: 1
tiers:
  small:
    model: nothing
    price: free
    context: 32k
    ability: {like: gpt-4o-mini}
    endpoints: [{url: "http://127.0.0.1:9/v1"}]
models:
  small: {tier: small}
tenants:
  team: {keys: ["env:TEAM_KEY"]}
"""
"""One tier, on a port where nothing listens: no request gets an answer from a model."""


@asynccontextmanager
async def gateway(directory: Path, said: list[str]) -> AsyncIterator[int]:
    """Run a gateway and yield its port; leave in `said` everything it wrote."""
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)
    async with started("gateway.app.wiring:make_service", TIERGATE_POLICY=str(policy), TEAM_KEY=KEY) as process:
        try:
            yield await port_of(process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            code, output = await ended(process)
            said.append(output)
        assert code == 0, output


async def ask(port: int, *lines: bytes, body: bytes = BODY) -> Answer:
    """Return the one answer to a request with these header lines, its length, and nothing else."""
    (answer,) = await converse(port, post(*lines, b"Content-Length: %d" % len(body), b"Connection: close", body=body))
    return answer


async def test_a_whole_gateway_refuses_before_it_looks(tmp_path: Path) -> None:
    said: list[str] = []
    async with gateway(tmp_path, said) as port:
        await check_media_types(port)
        await check_nothing_is_unpacked(port)
        await check_keys_come_first(port)
        ids = await check_request_ids_are_ours(port)
        await check_timeouts(port)
    assert len(ids) == len(set(ids))
    for secret in (KEY, "forged", "other-tenants-id", "hello"):
        assert secret not in said[0]


async def check_media_types(port: int) -> None:
    """Anything but JSON in UTF-8 is refused."""
    for lines in (
        (),
        (b"Content-Type: text/plain",),
        (b"Content-Type: multipart/form-data; boundary=x",),
        (b"Content-Type: application/json; charset=utf-16",),
        (JSON, b"Content-Type: text/plain"),
    ):
        answer = await ask(port, AUTHORIZED, *lines)
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), lines
    for line in (JSON, b"Content-Type: application/json; charset=utf-8", b"Content-Type: Application/JSON"):
        assert (await ask(port, AUTHORIZED, line)).status != 415, line


async def check_nothing_is_unpacked(port: int) -> None:
    """A compressed body is refused as it stands."""
    bomb = gzip.compress(b"[" * 10_000_000)
    for coding in (b"gzip", b"deflate", b"br", b"identity, gzip"):
        answer = await ask(port, AUTHORIZED, JSON, b"Content-Encoding: " + coding, body=bomb)
        assert (answer.status, answer.code) == (415, "unsupported_media_type"), coding


async def check_keys_come_first(port: int) -> None:
    """A bad key costs no body and is not told to go on."""
    waiting = post(JSON, b"Authorization: Bearer wrong", b"Content-Length: 100", b"Expect: 100-continue")
    (answer,) = await converse(port, waiting)
    assert (answer.status, answer.code) == (401, "invalid_api_key")
    (answer,) = await converse(port, post(JSON, b"Content-Length: 99999999999", b"Expect: 100-continue"))
    assert (answer.status, answer.code) == (401, "missing_api_key")
    (answer,) = await converse(port, post(JSON, AUTHORIZED, b"Content-Length: 8388609", b"Expect: 100-continue"))
    assert (answer.status, answer.code) == (413, "body_too_large")


async def check_request_ids_are_ours(port: int) -> list[str]:
    """An id that the client sends is neither taken over nor written to the log."""
    ids = []
    for value in (b"forged", b"f" * 10_240, b"other-tenants-id", b'forged{"level":"info"}'):
        answer = await ask(port, AUTHORIZED, JSON, b"X-Request-Id: " + value, b"X-Tiergate-Request-Id: " + value)
        ours = answer.headers[b"x-tiergate-request-id"].decode()
        assert re.fullmatch(r"req_[0-9a-f]{24}", ours)
        ids.append(ours)
    return ids


async def check_timeouts(port: int) -> None:
    """A timeout that is no number is refused; any other is brought within bounds."""
    answer = await ask(port, AUTHORIZED, JSON, b"X-Request-Timeout: abc")
    assert (answer.status, answer.code) == (400, "invalid_value")
    for value in (b"0", b"-5", b"1e9"):
        answer = await ask(port, AUTHORIZED, JSON, b"X-Request-Timeout: " + value)
        assert answer.status in {502, 503, 504}, value


@pytest.mark.parametrize("line", ["tenants:", "tiers:"])
async def test_a_policy_that_does_not_hold_keeps_a_gateway_from_starting(tmp_path: Path, line: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.replace(line, "nonsense:"))
    async with started("gateway.app.wiring:make_service", TIERGATE_POLICY=str(policy), TEAM_KEY=KEY) as process:
        code, output = await ended(process)
    assert code == 3
    assert "policy.yaml" in output
    assert KEY not in output
