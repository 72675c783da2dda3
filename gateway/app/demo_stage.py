"""The demo's stage: model servers, gateway and client as child processes, started together and stopped together."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from gateway.app.demo_gateway import DemoGateway, free_port, start_gateway, usable_port
from gateway.app.demo_models import (
    DemoUnavailable,
    ModelServer,
    ensure_installed,
    find_smollm2,
    start_server,
    wait_until_ready,
    write_model,
)
from gateway.app.demo_policy import fill_in, shipped_policy
from gateway.app.demo_questions import Question
from gateway.app.demo_rows import Reply, read_replies

READY_WITHIN_S: Final = 60.0
ANSWER_WITHIN_S: Final = 90.0
LINE_BYTES_MAX: Final = 4 * 1024 * 1024
SLOTS: Final = 2
RANDOM_TIERS: Final = ("nano", "small")
REAL_TIER: Final = "large"
ANSWER_TOKENS: Final = {"nano": 200, "small": 160, "large": 48}
"""Where answers are cut: gibberish need not be long, and the real model should not keep anybody waiting."""


@dataclass(slots=True)
class Stage:
    """Everything that runs. `servers` are by tier, cheapest first."""

    folder: Path
    policy: Path
    models: Mapping[str, Path]
    servers: dict[str, ModelServer]
    gateway: DemoGateway
    client: asyncio.subprocess.Process

    @property
    def origin(self) -> str:
        """The gateway's address, without a path."""
        return self.gateway.origin

    @property
    def has_real_model(self) -> bool:
        """Tell whether the top tier is a model that makes sense."""
        return REAL_TIER in self.models

    async def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Send questions at once through the client. Raises DemoUnavailable when there is no answer at all."""
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        if self.client.returncode is not None:
            raise DemoUnavailable("the client ended; see client.log")
        self.client.stdin.write(json.dumps([question.request() for question in questions]).encode() + b"\n")
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self.client.stdin.drain()
                line = await self.client.stdout.readline()
        except (TimeoutError, ConnectionError) as error:
            raise DemoUnavailable("the client got no answer; see client.log and gateway.log") from error
        if not line:
            raise DemoUnavailable("the client ended; see client.log")
        return read_replies(line)

    def kill(self, tier: str) -> None:
        """End a tier's server as a crash would: at once."""
        self.servers[tier].process.kill()
        self.servers[tier].stop()

    async def restart(self, tier: str) -> None:
        """Start a killed server again on its old port, and wait until the gateway has noticed."""
        self.servers[tier] = start_tier(tier, self.models[tier], self.servers[tier].port, self.folder)
        await _warm_up(self.servers[tier])
        await self.gateway.wait_until_taken_back(tier)

    async def aclose(self) -> None:
        """End every child: first those who ask, then those who answer."""
        if self.client.returncode is None:
            self.client.terminate()
        self.gateway.stop()
        for server in self.servers.values():
            server.process.terminate()
        for server in self.servers.values():
            server.stop()
        await self.client.wait()


@asynccontextmanager
async def stage(folder: Path, port: int | None, tell: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Start everything in a folder, and stop it on leaving. Raises DemoUnavailable.

    `port` None takes a free one for the gateway.
    """
    ensure_installed("gguf", "openai", "xllamacpp")
    used_port = free_port() if port is None else usable_port(port)
    tell("writing two small models with random weights")
    models = await find_models(folder)
    with ExitStack() as started:
        servers = {tier: start_tier(tier, model, free_port(), folder) for tier, model in models.items()}
        for server in servers.values():
            started.callback(server.stop)
        policy = folder / "demo.yaml"
        urls = {tier: server.base_url for tier, server in servers.items()}
        policy.write_text(fill_in(shipped_policy(), urls), encoding="utf-8")
        gateway = start_gateway(policy, used_port, folder / "gateway.log")
        started.callback(gateway.stop)
        tell("starting the model servers and the gateway")
        await asyncio.gather(*map(_warm_up, servers.values()), gateway.wait_until_ready(READY_WITHIN_S))
        client = await start_client(f"{gateway.origin}/v1", folder / "client.log")
        running = Stage(folder, policy, models, servers, gateway, client)
        # From here on the stage stops them: a restarted server is none of those registered above.
        started.pop_all()
    try:
        yield running
    finally:
        await running.aclose()


async def find_models(folder: Path) -> dict[str, Path]:
    """Write the random models, and find the real one if it is installed; by tier. Raises DemoUnavailable."""
    models = {tier: folder / f"{tier}.gguf" for tier in RANDOM_TIERS}
    await asyncio.gather(*(asyncio.to_thread(write_model, tier, file) for tier, file in models.items()))
    try:
        return models | {REAL_TIER: find_smollm2()}
    except DemoUnavailable:
        # Two tiers do as well; whoever shows the demo says what is missing.
        return models


def start_tier(tier: str, model: Path, port: int, folder: Path) -> ModelServer:
    """Start a tier's model server."""
    log = folder / f"{tier}.log"
    return start_server(model, port, f"tiergate-{tier}", log, slots=SLOTS, answer_tokens=ANSWER_TOKENS[tier])


async def start_client(base_url: str, log: Path) -> asyncio.subprocess.Process:
    """Start the process that asks; it ends with its standard input."""
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.app.demo_client",
            base_url,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            limit=LINE_BYTES_MAX,
            start_new_session=True,
        )


async def _warm_up(server: ModelServer) -> None:
    """Wait until a server is ready, and ask once: the first answer takes ten times as long as the others."""
    await wait_until_ready(server, READY_WITHIN_S)
    body = {"model": server.alias, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    async with httpx.AsyncClient(trust_env=False, timeout=READY_WITHIN_S) as client:
        answer = await client.post(f"{server.base_url}/chat/completions", json=body)
    if answer.status_code != 200:
        raise DemoUnavailable(f"the server of {server.alias} answers {answer.status_code}: {answer.text[:200]}")
