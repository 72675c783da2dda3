"""Requests of a whole gateway whose like questions a real server finds: whatever becomes of it, none of them fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from gateway.adapters.redis_semantic_choice import ChosenSemanticIndex
from gateway.adapters.redis_turn import TurnClient
from gateway.adapters.semantic_ways import SERVER_SEARCHES
from gateway.domain.semantic import SemanticEnd
from tests.support.clocks import ManualClock
from tests.support.gateways import TWO_TIERS, Gateway
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, running_redis, server_binary
from tests.support.redis_stores import clients_on
from tests.support.search_server import MODULE, NEEDS_SEARCH, REDIS_8
from tests.support.semantic import Semantic
from tests.support.waiting import answered, eventually

pytestmark = NEEDS_SEARCH
POLICY: Final = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 0.1%},")
FIRST, AGAIN = "What is the capital of France?", "Which city is the capital of France?"


@dataclass(slots=True)
class Shop:
    """A gateway and the server that it asks, whose clocks agree."""

    gateway: Gateway
    index: ChosenSemanticIndex
    server: RedisServer
    client: TurnClient
    asked: int = 0

    async def ask(self, question: str) -> SemanticEnd:
        """Ask a question, and tell what the look for a like one came to. Nothing may fail."""
        self.asked += 1
        client = await self.gateway.ask({"model": "auto", "messages": [{"role": "user", "content": question}]})
        assert client.responder.status == 200
        assert self.gateway.faults == []
        found = self.gateway.receipt.semantic
        assert found is not None
        await self.index.flush()
        return found.end

    async def ask_anew(self) -> SemanticEnd:
        """Ask what nobody has asked, which is like what was asked first."""
        return await self.ask(f"{AGAIN}{' ' * self.asked}")

    async def until_hit(self) -> None:
        """Ask until a like question is found: on a busy machine a search may take longer than a request waits."""
        await answered(self.ask_anew, lambda end: end is SemanticEnd.HIT)


@asynccontextmanager
async def open_shop(server: RedisServer, wanted: str) -> AsyncIterator[Shop]:
    async with clients_on("redis", server, 1) as (client,):
        clock = MonotonicClock()
        index = ChosenSemanticIndex(client, clock, SERVER_SEARCHES[wanted], lambda way: None)
        await index.look()
        assert index.is_remote
        semantic = Semantic(ManualClock(wall_s=clock.wall_s()))
        semantic.verifier.otherwise = 0.95
        gateway = Gateway(POLICY, semantic=replace(semantic.parts, index=index), clock=semantic.clock)
        try:
            yield Shop(gateway, index, server, client)
        finally:
            await index.aclose()


async def is_frozen(shop: Shop) -> None:
    shop.server.freeze()


async def is_dead(shop: Shop) -> None:
    shop.server.kill()


async def is_full(shop: Shop) -> None:
    await shop.client.call("CONFIG", "SET", "maxmemory", 1, timeout_s=PATIENT_S)


async def has_a_successor_that_cannot(shop: Shop) -> None:
    shop.server.kill()
    shop.server.start(binary=server_binary())


@pytest.mark.parametrize("wanted", ["redis-vset", "redis-ft"])
@pytest.mark.parametrize("trouble", [is_frozen, is_dead, is_full, has_a_successor_that_cannot])
async def test_whatever_becomes_of_the_server_no_request_fails(trouble: Callable[[Shop], Any], wanted: str) -> None:
    with running_redis(*MODULE, binary=str(REDIS_8)) as server:
        async with open_shop(server, wanted) as shop:
            assert await shop.ask(FIRST) is SemanticEnd.NOTHING
            await shop.until_hit()
            await trouble(shop)
            for _ in range(10):
                assert await shop.ask_anew() in (SemanticEnd.NOTHING, SemanticEnd.HIT)
            if trouble is is_frozen:
                server.thaw()
                await eventually(lambda: not shop.client.is_open)
            if trouble is has_a_successor_that_cannot:
                await eventually(lambda: not shop.client.is_open)
                await shop.index.look()
                assert not shop.index.is_remote
            if trouble in (is_frozen, is_full):
                await shop.until_hit()
