"""A gateway with a console under load: simulated model servers of three speeds, and clients of several tenants."""

import asyncio
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.support.gateway_process import running_gateway

KEYS: Final = {"SEARCH_KEY": "sk-search", "SUPPORT_KEY": "sk-support", "BATCH_KEY": "sk-batch"}
_SERVERS: Final = {
    "small": ("qwen2.5-3b-instruct", "45", "6", "0"),
    "twin": ("qwen2.5-3b-instruct", "60", "6", "0"),
    "medium": ("gemini-1.5-flash", "140", "9", "0"),
    "large": ("gpt-4o", "320", "14", "15"),
}
"""By name: the model, milliseconds to the first byte and from chunk to chunk, and which of its requests fails."""
_EASY: Final = (
    "What is the capital of France?",
    "Translate 'good morning' into Spanish.",
    "Summarise: the meeting moved to Tuesday.",
    "Which planet has the most moons?",
)
_HARD: Final = (
    "Prove that there are infinitely many primes and explain each step.",
    "A train leaves at 3 pm going 60 mph; another at 4 pm going 80 mph. When does the second catch up?",
    "Write a Python function that merges two sorted linked lists.",
)
_A_SECOND: Final = 4.0


def policy(urls: dict[str, str]) -> str:
    """Return a policy in which everything that the console shows has something to show."""
    return f"""\
version: 1
tiers:
  small:
    model: qwen2.5-3b-instruct
    price: {{input: 0.02, output: 0.06}}
    context: 32k
    supports: [tools, json_schema]
    ability: {{like: mixtral-8x7b-instruct-v0.1}}
    slo: {{ttft_p95: 400ms, itl_p95: 60ms}}
    endpoints: [{{url: "{urls["small"]}"}}, {{url: "{urls["twin"]}"}}]
  medium:
    model: gemini-1.5-flash
    price: {{input: 0.075, output: 0.30}}
    context: 128k
    supports: [tools, json_schema]
    ability: {{like: gemini-1.5-flash}}
    slo: {{ttft_p95: 1s}}
    endpoints: [{{url: "{urls["medium"]}"}}]
  large:
    model: gpt-4o
    price: {{input: 2.50, cached_input: 1.25, output: 10.00}}
    context: 128k
    supports: [tools, vision, json_schema]
    ability: {{like: gpt-4o}}
    endpoints: [{{url: "{urls["large"]}"}}]
models: {{auto: {{route: balanced}}, gpt-4o: {{route: balanced}}, careful: {{route: careful}}, small: {{tier: small}}}}
routes:
  balanced:
    quality: 85%
    fallback: {{on: [connect, busy, error, ttft], max_attempts: 3}}
    cache: {{exact: 1h, max_temperature: 1, semantic: {{max_wrong: 10%}}}}
  careful: {{quality: 95%}}
tenants:
  search-team: {{keys: [env:SEARCH_KEY], budget: {{usd: 2, window: day}}}}
  support: {{keys: [env:SUPPORT_KEY], budget: {{usd: 5, window: day}}}}
  batch: {{keys: [env:BATCH_KEY], rate: {{rpm: 60}}, tiers: [small, medium]}}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the console is, and the policy file, which may be edited."""

    console: str
    policy: Path


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set everything up in the folder, and keep it busy."""
    with ExitStack() as held:
        urls = {name: held.enter_context(_server(*how)) for name, how in _SERVERS.items()}
        file = folder / "policy.yaml"
        file.write_text(policy(urls))
        gateway = held.enter_context(running_gateway(file, folder, TIERGATE_ADMIN="0", **KEYS))
        found = re.search(r"The console is at (http://\S+/console)", gateway.errors.read_text())
        assert found is not None, gateway.errors.read_text()
        over = threading.Event()
        clients = threading.Thread(target=lambda: asyncio.run(_ask(gateway.base_url, over)))
        clients.start()
        held.callback(clients.join)
        held.callback(over.set)
        yield Stage(found[1], file)


@contextmanager
def _server(model: str, first_ms: str, chunk_ms: str, fail_every: str) -> Iterator[str]:
    options = ["--model", model, "--first-byte-ms", first_ms, "--chunk-ms", chunk_ms, "--fail-every", fail_every]
    command = [sys.executable, "-m", "load_tests", "serve", "--port", "0", "--chunks", "24", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


async def _ask(base_url: str, over: threading.Event) -> None:
    """Ask a few times a second, for as long as the page is looked at."""
    chance = random.Random(7)
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(trust_env=False, timeout=30.0, limits=limits) as client, asyncio.TaskGroup() as asking:
        while not over.is_set():
            asking.create_task(_one(client, base_url, chance))
            await asyncio.get_running_loop().run_in_executor(None, over.wait, chance.expovariate(_A_SECOND))


async def _one(client: httpx.AsyncClient, base_url: str, chance: random.Random) -> None:
    said = chance.choice(_EASY if chance.random() < 0.6 else _HARD)
    again = "" if chance.random() < 0.4 else f" ({chance.randrange(500)})"
    model = chance.choices(["auto", "gpt-4o", "careful", "small", "nobody"], [60, 20, 15, 8, 1])[0]
    key = chance.choices([*KEYS.values(), "sk-unknown"], [50, 30, 20, 1])[0]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": said + again}],
        "stream": chance.random() < 0.8,
        "max_tokens": 60,
    }
    await client.post(f"{base_url}/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})
