"""What workers know of prompts' beginnings: over Redis every one knows what any of them sent, and what waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest

from gateway.adapters.memory_news import MemoryNews
from gateway.adapters.redis_prefix import BLOCKS, PENDING, RedisPrefixNews, RedisPrefixSettings
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnClient
from gateway.core.endpoint_state import EndpointState
from gateway.core.prefix_index import PrefixIndex
from gateway.core.prefix_share import PrefixShare
from gateway.ports import News
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, open_breaker, running_redis
from tests.support.tiers import a_tier
from tests.support.waiting import eventually

MARKS = (b"mark a", b"mark b")


def chain(text: str) -> list[bytes]:
    """A letter a block, with names as long as they are."""
    return [text[:end].encode().ljust(8, b"_") for end in range(1, len(text) + 1)]


@dataclass(slots=True)
class Worker:
    """One worker: what it knows, and what it tells and hears by."""

    index: PrefixIndex
    states: list[EndpointState]
    news: News
    clock: MonotonicClock
    client: TurnClient | None = None

    def sends(self, text: str, server: int = 0) -> None:
        """Send a server a prompt."""
        self.index.insert(chain(text), MARKS[server], self.clock.now_s())

    def finds(self, text: str) -> list[int]:
        """Return how many blocks each server is believed to have."""
        return self.index.match(chain(text), MARKS, self.clock.now_s())

    def ahead(self) -> list[float]:
        """Return what is believed to wait at each server."""
        return [state.ahead_tokens(self.clock.now_s(), 1.0) for state in self.states]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(server: RedisServer | RedisTarget, kind: str = "redis") -> AsyncIterator[Worker]:
    index, clock = PrefixIndex(tells=kind == "redis"), MonotonicClock()
    states = [EndpointState(endpoint) for endpoint in a_tier("small", endpoints=2).endpoints]
    if kind == "memory":
        yield Worker(index, states, MemoryNews(), clock)
        return
    client = client_of(server)
    share = PrefixShare(index, lambda: zip(MARKS, states, strict=True))
    settings = RedisPrefixSettings(timeout_s=PATIENT_S)
    news = RedisPrefixNews(client, share, worker=f"{id(index)}", clock=clock, settings=settings)
    try:
        yield Worker(index, states, news, clock, client)
    finally:
        await client.aclose()


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_what_a_worker_sent_itself_it_knows_whoever_listens(kind: str, server: RedisServer) -> None:
    async with worker(server, kind) as one:
        one.sends("abc")
        one.states[0].pending_tokens = 500
        for _ in range(3):
            await one.news.look()
        assert one.finds("abcd") == [3, 0]
        assert one.ahead() == [500, 0], "and counts it once"


async def test_what_one_worker_sent_the_other_finds_after_a_look_of_each(server: RedisServer) -> None:
    async with worker(server) as one, worker(server) as other:
        for each in (one, other):
            await each.news.look()
        one.sends("abc", 1)
        one.sends("ab", 0)
        one.states[1].pending_tokens = 700
        other.states[1].pending_tokens = 20
        for each in (one, other, one):
            await each.news.look()
        assert other.finds("abcd") == [2, 3]
        assert one.ahead() == other.ahead() == [0, 720]
        assert other.news.stats() == {
            "told": 1,
            "heard": 2,
            "errors": 0,
            "corrupt": 0,
            "lag_ms": other.news.stats()["lag_ms"],
        }
        one.states[1].pending_tokens = 0
        for each in (one, other):
            await each.news.look()
        assert other.ahead() == [0, 20]


async def test_it_is_known_within_a_second_without_being_asked_for(server: RedisServer) -> None:
    async with worker(server) as one, worker(server) as other:
        listening = [asyncio.create_task(each.news.listen()) for each in (one, other)]
        one.sends("abc")
        await eventually(lambda: other.finds("abc") == [3, 0], within_s=2.0)
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)


async def test_a_worker_that_begins_learns_of_all_blocks_and_of_nothing_that_waited_before(server: RedisServer) -> None:
    async with worker(server) as one, worker(server) as late:
        for number in range(300):
            one.sends(f"{number:03}")
            one.states[0].pending_tokens = number + 1
            await one.news.look()
        await late.news.look()
        assert [late.finds(f"{number:03}") for number in (0, 150, 299)] == [[3, 0]] * 3
        assert late.ahead() == [0, 0]


async def test_blocks_that_no_index_believes_in_any_more_are_passed_over(server: RedisServer) -> None:
    async with worker(server) as one:
        assert one.client is not None
        told = msgspec.msgpack.encode({MARKS[0]: b"".join(chain("abc"))})
        now_ms = int(one.clock.wall_s() * 1e3)
        for at_ms, expected in ((now_ms - 901_000, [0, 0]), (now_ms - 890_000, [3, 0])):
            await one.client.call("XADD", BLOCKS, f"{at_ms}-0", "w", "x", "b", told, timeout_s=PATIENT_S)
            await one.news.look()
            assert one.finds("abc") == expected


async def test_what_is_no_news_is_passed_over_and_counted(server: RedisServer) -> None:
    async with worker(server) as one:
        assert one.client is not None
        await one.news.look()
        for stream, field in ((BLOCKS, "b"), (PENDING, "p")):
            for fields in (("w", "x", field, b"garbage"), ("a", "b"), ("w", "x", field, msgspec.msgpack.encode([1]))):
                await one.client.call("XADD", stream, "*", *fields, timeout_s=PATIENT_S)
        await one.news.look()
        assert {name: one.news.stats()[name] for name in ("heard", "corrupt")} == {"heard": 0, "corrupt": 4}


async def test_a_quiet_worker_writes_nothing_and_the_news_do_not_stay(server: RedisServer) -> None:
    async with worker(server) as one:
        assert one.client is not None
        await one.news.look()
        assert await one.client.call("EXISTS", BLOCKS, PENDING, timeout_s=PATIENT_S) == 0
        one.sends("abc")
        one.states[0].pending_tokens = 5
        await one.news.look()
        for stream, most_s in ((BLOCKS, 900), (PENDING, 60)):
            left_s = await one.client.call("TTL", stream, timeout_s=PATIENT_S)
            assert isinstance(left_s, int)
            assert 0 < left_s <= most_s


async def test_while_redis_is_away_each_worker_goes_by_what_it_sent_and_afterwards_by_all_again(
    server: RedisServer,
) -> None:
    async with worker(server) as one, worker(server) as other:
        assert one.client is not None
        assert other.client is not None
        one.states[0].pending_tokens = 50
        for each in (one, other):
            await each.news.look()
        server.kill()
        for client in (one.client, other.client):
            await open_breaker(client)
        one.sends("lost")
        await one.news.look()
        assert one.finds("lost") == [4, 0]
        assert other.finds("lost") == [0, 0]
        assert one.news.stats()["errors"] >= 1
        server.start()
        await eventually(lambda: not one.client.is_open and not other.client.is_open)  # type: ignore[union-attr] # asserted
        one.sends("told")
        for each in (one, other):
            await each.news.look()
        assert other.finds("told") == [4, 0]
        assert other.ahead() == [50, 0]
