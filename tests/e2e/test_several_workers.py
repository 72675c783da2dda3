"""Gateway processes that share one Redis: limits hold over all of them, and its loss stops nobody for long."""

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import running_gateway
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import eventually

RPM = 12
BUDGET_USD = Decimal("0.00042")
"""Twenty answers of the scripted server: 11 tokens in at 1, 5 out at 2 USD per million."""
DEAREST_USD = Decimal("0.00006")
"""More than any request below can become."""
KEYS = {name.upper() + "_KEY": "sk-" + name for name in ("free", "paced", "rated", "poor", "rich")}
TENANTS = f"""\
tenants:
  free: {{keys: [env:FREE_KEY]}}
  paced: {{keys: [env:PACED_KEY], rate: {{rpm: 100000}}}}
  # A budget nobody reaches: without one, a ledger that is late by chance would let a request pass uncounted.
  rated: {{keys: [env:RATED_KEY], rate: {{rpm: {RPM}}}, budget: {{usd: 1000, window: month}}}}
  poor: {{keys: [env:POOR_KEY], budget: {{usd: {BUDGET_USD}, window: month}}}}
  rich: {{keys: [env:RICH_KEY], budget: {{usd: 1000, window: month}}}}
"""
LONG = "streams:60000"
"""Some twelve megabytes: more than all buffers on the way take."""
ANSWERED_WITHIN_S = 3.0


def policy(url: str) -> str:
    tiers = "".join(
        f'  {tier}: {{model: "{model}", price: {{input: 1, output: 2}}, context: 128k, ability: {{like: gpt-4o}},'
        f' endpoints: [{{url: "{url}"}}]}}\n'
        for tier, model in (("sound", "several-workers"), ("long", LONG))
    )
    return f"""\
version: 1
tiers:
{tiers}models: {{auto: {{route: all}}, long: {{tier: long}}}}
routes: {{all: {{tiers: [sound], cache: {{exact: 1h}}}}}}
{TENANTS}"""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Two gateways, the Redis they share, and the model server behind them."""

    urls: tuple[str, str]
    redis: RedisServer
    server: FaultProcess
    client: httpx.AsyncClient

    async def ask(self, at: int, tenant: str, *, seed: int = 0) -> httpx.Response:
        """Send a chat to one of the two."""
        messages = [{"role": "user", "content": "hi"}]
        body = {"model": "auto", "messages": messages, "max_tokens": 8, "seed": seed, "temperature": 0}
        return await self.client.post(self.urls[at] + "/chat/completions", json=body, headers=key_of(tenant))

    async def until(self, at: int, tenant: str, status: int) -> None:
        """Ask until the answer is that one."""
        async with asyncio.timeout(60.0):
            while True:
                if (await self.ask(at, tenant, seed=time.time_ns())).status_code == status:
                    return


def key_of(tenant: str) -> dict[str, str]:
    return {"authorization": f"Bearer sk-{tenant}"}


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def entries(redis: RedisServer) -> int:
    """Count the keys in Redis."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(redis.path)
        connection.sendall(b"DBSIZE\r\n")
        return int(connection.recv(64)[1:])


@pytest.fixture(scope="module")
def shared(fault_process: FaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Start Redis and both gateways, once for this file."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        path = tmp_path_factory.mktemp("replicas") / "policy.yaml"
        path.write_text(policy(fault_process.base_url))
        variables = {**KEYS, "TIERGATE_REDIS_URL": redis.url, "TIERGATE_CACHE_SECRET": "the same for all replicas"}
        folders: list[Path] = [tmp_path_factory.mktemp(f"replica-{number}") for number in range(2)]
        gateways = [stack.enter_context(running_gateway(path, folder, **variables)) for folder in folders]
        yield {"urls": tuple(each.base_url for each in gateways), "redis": redis, "server": fault_process}


@pytest.fixture
def replicas(shared: dict[str, Any]) -> Callable[[httpx.AsyncClient], Replicas]:
    def connect(client: httpx.AsyncClient) -> Replicas:
        return Replicas(**shared, client=client)

    return connect


Connect = Callable[[httpx.AsyncClient], Replicas]


def a_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=ANSWERED_WITHIN_S)


async def test_requests_a_minute_are_counted_over_both_workers(replicas: Connect) -> None:
    async with a_client() as client:
        here, began_s = replicas(client), time.time()
        answers = [await here.ask(number % 2, "rated", seed=number) for number in range(2 * RPM)]
        minutes = int(time.time() // 60) - int(began_s // 60) + 1
    granted = [answer.status_code for answer in answers].count(200)
    unknown = [answer.status_code for answer in answers].count(503)
    assert RPM - unknown <= granted <= RPM * minutes
    assert {code_of(answer) for answer in answers if answer.status_code == 429} <= {"rate_limit_exceeded"}


async def test_a_budget_is_never_overspent_by_both_workers_together_and_is_used_up(replicas: Connect) -> None:
    async with a_client() as client:
        here = replicas(client)
        answers = list(await asyncio.gather(*(here.ask(number % 2, "poor", seed=number) for number in range(40))))
        # Settlements are posted behind the answers, and each sets free what its hold was too large by.
        answers += [await here.ask(number % 2, "poor", seed=number) for number in range(40, 140)]
    spent_usd = sum(Decimal(answer.headers["x-tiergate-cost-usd"]) for answer in answers if answer.status_code == 200)
    assert BUDGET_USD - DEAREST_USD <= spent_usd <= BUDGET_USD
    assert answers[-1].status_code == 429
    assert code_of(answers[-1]) == "insufficient_quota"
    left = re.search(r"has (\S+) USD left", answers[-1].json()["error"]["message"])
    assert left is not None
    assert Decimal(left[1]) == BUDGET_USD - spent_usd


async def test_an_answer_kept_by_one_worker_is_served_by_the_other(replicas: Connect) -> None:
    async with a_client() as client:
        here = replicas(client)
        before, asked = entries(here.redis), len(here.server.requests("several-workers"))
        first = await here.ask(0, "free", seed=10_001)
        await eventually(lambda: entries(here.redis) > before)
        again = await here.ask(1, "free", seed=10_001)
        assert (first.headers["x-tiergate-cache"], again.headers["x-tiergate-cache"]) == ("miss", "exact")
        assert again.content == first.content
        others = await here.ask(1, "rich", seed=10_001)
        assert others.headers["x-tiergate-cache"] == "miss", "tenants share nothing"
        assert len(here.server.requests("several-workers")) == asked + 2


async def test_a_receipt_made_by_one_worker_is_found_at_the_other(replicas: Connect) -> None:
    async with a_client() as client:
        here = replicas(client)
        answer = await here.ask(0, "free", seed=10_002)
        url = f"{here.urls[1]}/receipts/{answer.headers['x-tiergate-request-id']}"
        async with asyncio.timeout(10.0):
            found = await client.get(url, headers=key_of("free"))
            while found.status_code == 404:
                found = await client.get(url, headers=key_of("free"))
        assert found.json()["charge_usd"] == answer.headers["x-tiergate-cost-usd"]
        assert (await client.get(url, headers=key_of("rich"))).status_code == 404


def lose(redis: RedisServer, how: str) -> None:
    """Let Redis die, or hang."""
    if how == "killed":
        redis.kill()
    else:
        redis.freeze()


def bring_back(redis: RedisServer, how: str) -> None:
    """Let Redis be as it was, or begin anew."""
    if how == "killed":
        redis.start()
    else:
        redis.thaw()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_without_redis_only_what_cannot_be_checked_is_refused_and_nothing_hangs(
    replicas: Connect, how: str
) -> None:
    async with a_client() as client:
        here = replicas(client)
        for at in (0, 1):
            assert (await here.ask(at, "free", seed=20_000)).status_code == 200
        lose(here.redis, how)
        try:
            for at in (0, 1):
                for seed in range(5):
                    free = await here.ask(at, "free", seed=time.time_ns())
                    assert free.status_code == 200
                    assert free.headers["x-tiergate-cache"] == "miss"
                    assert (await here.ask(at, "paced", seed=seed)).status_code == 200, "a mere rate is let pass"
                    rich = await here.ask(at, "rich", seed=seed)
                    assert rich.status_code == 503
                    assert code_of(rich) == "ledger_unavailable"
                    assert rich.headers["retry-after"] == "1"
            everyone = await asyncio.gather(*(here.ask(number % 2, "free", seed=number) for number in range(64)))
            assert {answer.status_code for answer in everyone} == {200}
        finally:
            bring_back(here.redis, how)
        for at in (0, 1):
            await here.until(at, "rich", 200)


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_a_stream_under_way_when_redis_is_lost_ends_whole(replicas: Connect, how: str) -> None:
    async with a_client() as client:
        here = replicas(client)
        await here.until(0, "rich", 200)
        body = {"model": "long", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        url = here.urls[0] + "/chat/completions"
        async with client.stream("POST", url, json=body, headers=key_of("rich")) as stream:
            assert stream.status_code == 200
            parts = stream.aiter_raw()
            tail = await anext(parts)
            size_bytes = len(tail)
            lose(here.redis, how)
            try:
                async for part in parts:
                    tail = (tail + part)[-1_000:]
                    size_bytes += len(part)
            finally:
                bring_back(here.redis, how)
        assert tail.endswith(b"data: [DONE]\n\n")
        assert size_bytes > 8_000_000
        await here.until(0, "rich", 200)
