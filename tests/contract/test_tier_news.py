"""What workers see of tiers: each counts its own once, and over Redis every worker knows what any of them saw."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import pytest

from gateway.adapters.memory_news import MemoryNews
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_tier_news import RedisTierNews, RedisTierNewsSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.core.tier_slo import TierSlos
from gateway.domain.tier import TierSlo
from gateway.ports import News
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, open_breaker, running_redis
from tests.support.redis_socket import SIMULATED, server_for
from tests.support.tiers import a_tier
from tests.support.waiting import eventually

TIER = replace(a_tier("small"), slo=TierSlo(ttft_p95_s=0.6))
OTHER = a_tier("of another policy")
NEWS = "tg:{tiers}:news"


@dataclass(slots=True)
class Worker:
    """One worker: what it knows, and what it tells and hears by."""

    slos: TierSlos
    news: News
    clock: MonotonicClock
    client: TurnClient | None = None

    def sees(self, streams: int, *, ttft_s: float = 0.7, name: str = "small") -> None:
        """Let streams of a tier begin."""
        tier = TIER if name == TIER.name else OTHER
        for _ in range(streams):
            self.slos.first_content(tier, 10, ttft_s, self.clock.now_s())

    @property
    def known(self) -> tuple[int, int]:
        """Misses and streams in the window."""
        self.slos.tier(TIER.name).window.expire(self.clock.now_s())
        return self.slos.tier(TIER.name).window.misses()[0]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(
    server: RedisServer | RedisTarget, kind: str = "redis", *, poll_s: float = 0.5
) -> AsyncIterator[Worker]:
    slos, clock = TierSlos(), MonotonicClock()
    if kind == "memory":
        yield Worker(slos, MemoryNews(), clock)
        return
    client = client_of(server)
    settings = RedisTierNewsSettings(poll_s=poll_s, timeout_s=PATIENT_S)
    news = RedisTierNews(client, slos, known=lambda: {TIER.name}, worker=f"{id(slos)}", clock=clock, settings=settings)
    try:
        yield Worker(slos, news, clock, client)
    finally:
        await client.aclose()


@asynccontextmanager
async def workers(server: RedisServer | RedisTarget) -> AsyncIterator[tuple[Worker, Worker]]:
    async with worker(server) as one, worker(server) as other:
        await one.news.look()
        await other.news.look()
        yield one, other


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_what_a_worker_sees_itself_counts_once(kind: str, server: RedisServer) -> None:
    async with worker(server, kind) as one:
        await one.news.look()
        one.sees(5)
        for _ in range(3):
            await one.news.look()
        assert one.known == (5, 5)


@pytest.mark.parametrize("kind", ["redis", SIMULATED])
async def test_what_one_worker_sees_the_other_knows_after_a_look_of_each(kind: str, server: RedisServer) -> None:
    async with server_for(kind, server) as asked, workers(asked) as (one, other):
        one.sees(20)
        other.sees(10, ttft_s=0.1)
        for each in (one, other, one):
            await each.news.look()
        assert one.known == other.known == (20, 30)
        assert other.slos.shifted({TIER.name: TIER}, other.clock.now_s()) == {TIER.name: 0.1}
        assert other.slos.expected_ttft_s(TIER.name, 10, other.clock.now_s()) == pytest.approx(0.7, rel=0.1)


async def test_it_is_known_within_two_seconds_without_being_asked_for(server: RedisServer) -> None:
    async with worker(server) as one, worker(server) as other:
        await other.news.look()
        listening = [asyncio.create_task(each.news.listen()) for each in (one, other)]
        one.sees(3)
        await eventually(lambda: other.known == (3, 3), within_s=2.0)
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)


@pytest.mark.parametrize("kind", ["redis", SIMULATED])
async def test_a_worker_that_begins_hears_what_comes_from_then_on(kind: str, server: RedisServer) -> None:
    async with server_for(kind, server) as asked, worker(asked) as one, worker(asked) as late:
        await one.news.look()
        one.sees(5)
        await one.news.look()
        await late.news.look()
        one.sees(2)
        await one.news.look()
        await late.news.look()
        assert late.known == (2, 2)


async def test_a_quiet_worker_writes_nothing_and_the_news_do_not_stay(server: RedisServer) -> None:
    async with workers(server) as (one, _):
        assert one.client is not None
        await one.client.call("DEL", NEWS, timeout_s=PATIENT_S)
        await one.news.look()
        assert await one.client.call("EXISTS", NEWS, timeout_s=PATIENT_S) == 0
        one.sees(1)
        await one.news.look()
        left_s = await one.client.call("TTL", NEWS, timeout_s=PATIENT_S)
        assert isinstance(left_s, int)
        assert 0 < left_s <= 60


async def test_what_is_no_news_of_a_known_tier_is_passed_over(server: RedisServer) -> None:
    async with workers(server) as (one, other):
        assert one.client is not None
        one.sees(4, name=OTHER.name)
        one.sees(1)
        await one.news.look()
        for fields in (("w", "x", "c", b"garbage"), ("a", "b"), ("w", "x", "c", msgspec.msgpack.encode({"small": 1}))):
            await one.client.call("XADD", NEWS, "*", *fields, timeout_s=PATIENT_S)
        await other.news.look()
        assert other.known == (1, 1)
        assert other.slos.expected_ttft_s(OTHER.name, 10, other.clock.now_s()) is None
        assert other.news.stats() == {"told": 0, "heard": 1, "errors": 0, "corrupt": 2}


async def test_news_that_no_window_holds_any_more_are_not_taken_for_fresh(server: RedisServer) -> None:
    async with workers(server) as (one, other):
        assert one.client is not None
        await one.client.call("DEL", NEWS, timeout_s=PATIENT_S)
        told = msgspec.msgpack.encode({"small": {0: 1}})
        now_ms = int(one.clock.wall_s() * 1e3) + 60_000
        for at_ms in (now_ms - 31_000, now_ms - 29_000, now_ms):
            await one.client.call("XADD", NEWS, f"{at_ms}-0", "w", "x", "c", told, timeout_s=PATIENT_S)
        await other.news.look()
        assert other.known == (0, 2)
        await one.client.call("DEL", NEWS, timeout_s=PATIENT_S)


async def test_while_redis_is_away_each_worker_goes_by_what_it_sees(server: RedisServer) -> None:
    async with workers(server) as (one, other):
        assert one.client is not None
        server.kill()
        await open_breaker(one.client)
        one.sees(5)
        await one.news.look()
        assert one.known == (5, 5)
        assert one.news.stats()["errors"] == 1
        server.start()
        await eventually(lambda: one.client is not None and not one.client.is_open)
        one.sees(1)
        await one.news.look()
        await other.news.look()
        assert other.known == (1, 1), "what could not be told in time is not told late"
