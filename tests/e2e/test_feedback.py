"""Feedback through gateway processes: taken by any of those that share a Redis, and kept over a restart without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import running_gateway
from tests.support.prometheus import read_series
from tests.support.redis_server import running_redis
from tests.support.waiting import answered

RATINGS = 6
"""One-sided enough to move a close decision."""
CLOSE = 150
"""At this dial the question goes to the small tier, by little."""
KEY = {"authorization": "Bearer sk-team"}
QUESTION = "Prove that there are infinitely many primes, and explain each step of the argument."


def policy(url: str, dial: float) -> str:
    return f"""\
version: 1
tiers:
  small: {{model: ok, price: {{input: 1, output: 2}}, context: 8k, ability: {{like: llama-3.1-8b-instruct}},
           endpoints: [{{url: "{url}"}}]}}
  large: {{model: answer-large, price: {{input: 10, output: 20}}, context: 8k, ability: {{like: gpt-4-1106-preview}},
           endpoints: [{{url: "{url}"}}]}}
models: {{auto: {{route: all}}}}
routes: {{all: {{dial: {dial}, cache: {{exact: off}}}}}}
tenants: {{team: {{keys: [env:TEAM_KEY]}}}}
"""


class Caller:
    """Asks gateways and rates their answers."""

    def __init__(self, client: httpx.AsyncClient, *urls: str) -> None:
        self.client = client
        self._urls = urls

    async def ask(self, at: int = 0) -> str:
        """Ask one of the gateways; return the request's id."""
        body = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}]}
        answer = await self.client.post(self._urls[at] + "/chat/completions", json=body)
        assert answer.status_code == 200
        return str(answer.headers["x-tiergate-request-id"])

    async def rate(self, request_id: str, score: float, at: int = 0) -> httpx.Response:
        """Tell one of the gateways how good an answer was."""
        return await self.client.post(self._urls[at] + "/feedback", json={"request_id": request_id, "score": score})

    async def receipt(self, request_id: str, at: int = 0) -> dict[str, Any]:
        """Return what one of the gateways says of a request."""
        told: dict[str, Any] = (await self.client.get(f"{self._urls[at]}/receipts/{request_id}")).json()
        return told

    async def corrections(self, at: int) -> list[dict[str, Any]]:
        """Ask once more; return what labels said of the tiers."""
        found: list[dict[str, Any]] = (await self.receipt(await self.ask(at), at))["decision"]["score"]["corrections"]
        return found


@asynccontextmanager
async def calling(*urls: str) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(trust_env=False, timeout=10.0, headers=KEY) as client:
        yield Caller(client, *urls)


async def test_feedback_given_to_one_replica_moves_the_decisions_of_all(
    fault_process: FaultProcess, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy(fault_process.base_url, 1_000_000))
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        variables = {
            "TEAM_KEY": "sk-team",
            "TIERGATE_REDIS_URL": redis.url,
            "TIERGATE_CACHE_SECRET": "sixteen letters..",
        }
        folders = [tmp_path / "one", tmp_path / "two"]
        for folder in folders:
            folder.mkdir()
        gateways = [stack.enter_context(running_gateway(file, folder, **variables)) for folder in folders]
        async with calling(*(each.base_url for each in gateways)) as caller:
            asked = await caller.ask(0)
            assert await caller.corrections(1) == []
            first = await answered(lambda: caller.rate(asked, 0.0, at=1), lambda said: said.status_code == 200)
            assert (first.json()["tier"], first.json()["outcome"]) == ("small", "accepted")
            assert (await caller.rate(asked, 0.0, at=0)).json()["outcome"] == "repeated"
            assert (await caller.receipt(asked, at=0))["feedback"]["score"] == 0.0
            # The other replica hears of it by itself.
            (told,) = await answered(lambda: caller.corrections(0), lambda found: found)
            assert told["tier"] == "small"
            assert told["logit"] < 0.0
            assert (await caller.rate(asked, 1.0, at=0)).json()["outcome"] == "replaced"
            (told,) = await answered(lambda: caller.corrections(1), lambda found: found[0]["logit"] > 0.0)
            assert 0.0 < told["labels"] <= 1.0 + 1e-6


async def test_without_redis_labels_outlive_a_restart_and_records_can_be_trained_on(
    fault_process: FaultProcess, tmp_path: Path
) -> None:
    file, state = tmp_path / "policy.yaml", tmp_path / "state"
    file.write_text(policy(fault_process.base_url, CLOSE))
    variables = {"TEAM_KEY": "sk-team", "TIERGATE_STATE": str(state)}
    with running_gateway(file, tmp_path, **variables) as gateway:
        async with calling(gateway.base_url) as caller:
            asked = await asyncio.gather(*(caller.ask() for _ in range(RATINGS)))
            assert (await caller.receipt(asked[0]))["tier"] == "small"
            said = await asyncio.gather(*(caller.rate(each, 0.0) for each in asked))
            assert [each.json()["outcome"] for each in said] == ["accepted"] * RATINGS
            series = read_series((await caller.client.get(gateway.origin + "/metrics")).text)
    assert (
        sum(value for name, value in series.items() if 'tiergate_feedback_total{outcome="accepted"' in name) == RATINGS
    )
    rows = [line for path in (state / "records").iterdir() for line in path.read_text().splitlines()]
    assert len(rows) == RATINGS
    assert QUESTION not in "".join(rows)
    with running_gateway(file, tmp_path, **variables) as gateway:
        async with calling(gateway.base_url) as caller:
            (told,) = await caller.corrections(0)
            # Fewer than all where another stage of the difficulty model put the request a little elsewhere.
            assert 1.0 < told["labels"] <= RATINGS + 1e-6
            # A close decision goes the other way: every answer of the small tier to this was useless.
            assert (await caller.receipt(await caller.ask()))["tier"] == "large"
