"""Real model servers die, hang, or cannot be reached while the official client waits or reads."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.chaos.actors import Actor, llama_server
from tests.chaos.impair import Door
from tests.chaos.relay import Relay
from tests.chaos.stage import Stage, running_stage
from tests.support.networks import free_port
from tests.support.prometheus import read_series
from tests.support.waiting import answered

pytestmark = pytest.mark.servers

HELLO: Sequence[Any] = [{"role": "user", "content": "Hello there"}]
NEVER_ENDING = {"ignore_eos": True, "max_tokens": 3_900}
"""More than a second of the model server's work: far longer than its death takes to be noticed."""
SHORT = {"ignore_eos": True, "max_tokens": 12}
HOLES = {"black-hole": Door.SWALLOWS, "no-handshake": Door.IGNORES, "refused": Door.REFUSES}


@pytest.fixture(scope="module")
def holes() -> dict[str, int]:
    """A port for each path that leads nowhere; who wants it to lead nowhere opens it."""
    return {name: free_port() for name in HOLES}


@pytest.fixture(scope="module")
def stage(nano_model: Path, holes: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Four servers, each of which may be lost to one test, one that stands in, and the gateway."""
    folder = tmp_path_factory.mktemp("death")
    names = ("mid-stream", "before-stream", "before-whole", "frozen", "second")
    actors = {name: llama_server(name, free_port(), nano_model, "nano", folder) for name in names}
    elsewhere = {name: f"http://127.0.0.1:{port}/v1" for name, port in holes.items()}
    with running_stage(folder, actors, "nano", elsewhere=elsewhere) as stage:
        yield stage


@asynccontextmanager
async def official(stage: Stage) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=stage.url, api_key="sk-free", max_retries=0, timeout=30.0) as client:
        yield client


async def receipt_of(client: openai.AsyncOpenAI, request_id: str) -> dict[str, Any]:
    answer = await client.get(f"/receipts/{request_id}", cast_to=httpx.Response)
    receipt: dict[str, Any] = answer.json()
    return receipt


async def placed(stage: Stage, tier: str) -> None:
    """Wait until the gateway has a call under way at the tier's server."""
    series = f'tiergate_endpoint_attempts_in_flight{{endpoint="{tier}/0"}}'
    async with httpx.AsyncClient(trust_env=False) as client:

        async def in_flight() -> float:
            metrics = await client.get(f"http://127.0.0.1:{stage.gateway.port}/metrics")
            return read_series(metrics.text, without="worker").get(series, 0.0)

        await answered(in_flight, lambda count: count == 1.0)


async def test_a_server_killed_mid_stream_makes_the_official_client_raise(stage: Stage) -> None:
    async with official(stage) as client:
        stream = await client.chat.completions.create(
            model="mid-stream", messages=HELLO, stream=True, extra_body=NEVER_ENDING
        )
        chunks: list[ChatCompletionChunk] = []

        async def read() -> None:
            async for chunk in stream:
                chunks.append(chunk)
                if len(chunks) == 3:
                    stage.actors["mid-stream"].kill()

        with pytest.raises(openai.APIError) as raised:
            await read()
        assert raised.value.code == "stream_interrupted"
        assert stream.response.headers["x-tiergate-tier"] == "mid-stream"
        assert not any(choice.finish_reason for chunk in chunks for choice in chunk.choices)
        assert len({chunk.id for chunk in chunks}) == 1
        receipt = await receipt_of(client, stream.response.headers["x-tiergate-request-id"])
    assert receipt["outcome"] == "stream_truncated"
    assert [attempt["tier"] for attempt in receipt["attempts"]] == ["mid-stream"], "no attempt after the first content"


async def ask(client: openai.AsyncOpenAI, model: str, *, stream: bool) -> tuple[str, int, Mapping[str, str]]:
    """Return a whole answer's text, how many different answers it is made of, and the headers."""
    if not stream:
        raw = await client.chat.completions.with_raw_response.create(model=model, messages=HELLO, extra_body=SHORT)
        return raw.parse().choices[0].message.content or "", 1, raw.headers
    events = await client.chat.completions.create(model=model, messages=HELLO, stream=True, extra_body=SHORT)
    chunks = [chunk async for chunk in events]
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["length"]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    return text, len({chunk.id for chunk in chunks}), events.response.headers


@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_killed_before_its_first_token_is_replaced_unseen(stage: Stage, stream: bool) -> None:
    name = "before-stream" if stream else "before-whole"
    server = stage.actors[name]
    # Stopped, it takes the request and cannot answer it: its death then comes before the first token in any case.
    server.freeze()
    async with official(stage) as client:
        asking = asyncio.create_task(ask(client, name, stream=stream))
        await placed(stage, name)
        server.kill()
        text, answers, headers = await asking
        receipt = await receipt_of(client, headers["x-tiergate-request-id"])
    assert text, "an answer"
    assert answers == 1, "all of it is the fallback's"
    assert headers["x-tiergate-tier"] == "second"
    first, second = receipt["attempts"]
    assert (first["tier"], first["first_content_ms"], second["tier"]) == (name, None, "second")
    assert first["failure"] in {"no_response", "bad_answer"}


async def test_a_frozen_server_is_given_up_at_its_limit_and_serves_again_when_it_goes_on(stage: Stage) -> None:
    server: Actor = stage.actors["frozen"]
    server.freeze()
    async with official(stage) as client:
        try:
            text, answers, headers = await ask(client, "frozen", stream=True)
        finally:
            server.thaw()
        receipt = await receipt_of(client, headers["x-tiergate-request-id"])

        async def tier() -> str:
            return (await ask(client, "frozen", stream=True))[2]["x-tiergate-tier"]

        assert await answered(tier, lambda name: name == "frozen", within_s=45.0) == "frozen"
    assert (bool(text), answers, headers["x-tiergate-tier"]) == (True, 1, "second")
    assert [(a["tier"], a["failure"]) for a in receipt["attempts"]] == [("frozen", "ttft"), ("second", None)]


@pytest.mark.parametrize(
    ("name", "failure"), [("black-hole", "ttft"), ("no-handshake", "connect"), ("refused", "connect")]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_path_that_leads_nowhere_costs_a_limit_and_no_answer(
    stage: Stage, holes: dict[str, int], name: str, failure: str, stream: bool
) -> None:
    relay = Relay(name, to_port=0, port=holes[name])
    relay.set_door(HOLES[name])
    try:
        async with official(stage) as client:
            text, answers, headers = await ask(client, name, stream=stream)
            receipt = await receipt_of(client, headers["x-tiergate-request-id"])
    finally:
        await relay.aclose()
    assert (bool(text), answers, headers["x-tiergate-tier"]) == (True, 1, "second")
    tried = [(attempt["tier"], attempt["failure"]) for attempt in receipt["attempts"]]
    # The path may be known by then to lead nowhere, and is then not tried.
    assert tried in ([(name, failure), ("second", None)], [("second", None)])
