"""Under any mixture of answers, breaks, cancels and early closes no answer goes astray and no connection is lost."""

import asyncio
import random

import httpx
import pytest

from gateway.adapters.upstream_lean import LeanTransport
from tests.support.networks import LeanNetwork, lean_network
from tests.support.waiting import eventually

REQUESTS = 400
LIMIT = 8
SOUND = ("ok", "streams:1", "streams:40", "busy")
BROKEN = ("reset", "hangs-up", "resets-after:3", "closes-after:2", "garbage", "mute", "stalls-after:1")
EXPECTED = (httpx.ReadError, httpx.RemoteProtocolError, httpx.PoolTimeout, httpx.ConnectError, TimeoutError)


async def one_request(net: LeanNetwork, chance: random.Random, number: int) -> str:
    """Ask in one of many ways; return what came of it. A whole sound answer must be the one asked for."""
    kind = chance.choice(SOUND if chance.random() < 0.7 else BROKEN)
    patience_s = chance.choice((0.0, 0.001, 0.005, 0.02, 1.0)) if kind in SOUND else 0.02
    name = f"{kind}#{number}" if kind == "ok" else kind
    try:
        async with asyncio.timeout(patience_s):
            response = await net.ask(name, stream=":" in kind, tag=number)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            try:
                if chance.random() < 0.3:
                    return "closed early"
                body = b"".join([chunk async for chunk in response.stream])
            finally:
                await response.stream.aclose()
    except EXPECTED as error:
        return type(error).__name__
    if kind == "ok":
        assert f'"model":"{name}"'.encode() in body
    if kind.startswith("streams"):
        assert body.count(b'"content":" w') == int(kind.partition(":")[2])
    return "answered"


@pytest.mark.parametrize("seed", range(6))
async def test_a_storm_leaves_every_place_of_the_pool_usable(seed: int) -> None:
    chance = random.Random(seed)
    transport = LeanTransport(max_connections_per_origin=LIMIT, pool_timeout_s=0.05, idle_expiry_s=0.01)
    async with lean_network(transport) as net:
        outcomes = await asyncio.gather(*(one_request(net, chance, number) for number in range(REQUESTS // 2)))
        for number in range(REQUESTS // 2, REQUESTS):
            outcomes.append(await one_request(net, chance, number))
        assert {"answered", "closed early", "TimeoutError"} <= set(outcomes)
        await eventually(lambda: net.stats().open == 0)
        holding = [asyncio.create_task(net.ask("mute")) for _ in range(LIMIT)]
        before = len(net.requests)
        await eventually(lambda: len(net.requests) == before + LIMIT)
        with pytest.raises(httpx.PoolTimeout):
            await net.ask()
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
