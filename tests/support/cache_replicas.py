"""Gateways as processes that share a Redis, two tenants who ask them, and what each says of its cache."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import running_gateway
from tests.support.redis_server import RedisServer, running_redis

MODEL = "cache-operations"
KEYS = {"TEAM_KEY": "sk-team", "GUEST_KEY": "sk-guest"}
ENDS_WITHIN_S = 20.0


def policy(url: str) -> str:
    return f"""\
version: 1
tiers:
  sound: {{model: {MODEL}, price: {{input: 1, output: 2}}, context: 128k, ability: {{like: gpt-4o}},
           endpoints: [{{url: "{url}"}}]}}
models: {{auto: {{route: all}}}}
routes: {{all: {{cache: {{exact: 1h, hit_price: 10%}}}}}}
tenants:
  team: {{keys: [env:TEAM_KEY]}}
  guest: {{keys: [env:GUEST_KEY]}}
"""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Gateways, and the Redis that they share."""

    origins: tuple[str, ...]
    redis: RedisServer
    client: httpx.AsyncClient

    async def ask(self, at: int, tenant: str, question: str, **headers: str) -> httpx.Response:
        """Send a chat to one of them."""
        body = request(question)
        given = {"authorization": f"Bearer sk-{tenant}", **headers}
        return await self.client.post(f"{self.origins[at]}/v1/chat/completions", json=body, headers=given)

    async def until(self, at: int, tenant: str, question: str, cache: str) -> httpx.Response:
        """Ask until the cache says that."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            while True:
                answer = await self.ask(at, tenant, question)
                if answer.headers.get("x-tiergate-cache") == cache:
                    return answer

    async def until_gone(self, at: int, tenant: str, question: str) -> None:
        """Ask for a kept answer until there is none."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            while (await self.ask(at, tenant, question, **ONLY_KEPT)).status_code != 504:
                pass


ONLY_KEPT = {"cache-control": "only-if-cached"}


def request(question: str) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": question}], "max_tokens": 8, "temperature": 0}


@asynccontextmanager
async def replicas(server: FaultProcess, folder: Path, count: int = 2) -> AsyncIterator[Replicas]:
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        path = folder / "policy.yaml"
        path.write_text(policy(server.base_url))
        variables = {**KEYS, "TIERGATE_REDIS_URL": redis.url, "TIERGATE_CACHE_SECRET": "the same for all replicas"}
        folders = [folder / str(number) for number in range(count)]
        for each in folders:
            each.mkdir()
        gateways = [stack.enter_context(running_gateway(path, each, **variables)) for each in folders]
        async with httpx.AsyncClient(trust_env=False, timeout=ENDS_WITHIN_S) as client:
            yield Replicas(tuple(each.origin for each in gateways), redis, client)
