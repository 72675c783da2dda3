"""Redis as a cluster: whatever one command or script touches lies in one slot, or the server refuses it.

The server here is one shard that owns every slot: it takes what any cluster takes, and nothing else.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_link import RedisRefused
from gateway.adapters.redis_purges import RedisPurgesSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RequestId, RouteName, TenantId
from gateway.domain.ledger import Allowance, Hold, Settlement
from gateway.domain.purge import Selection, Tally
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer, client_of, closing, running_redis

KEY, OTHER = ExactKey(TenantId("alice"), "a" * 64), ExactKey(TenantId("bob"), "b" * 64)
ANSWER = CachedAnswer(b"{}", "small", "qwen", 1, 1, MonotonicClock().wall_s(), route=RouteName("fast"))
SETTINGS = RedisCacheSettings(
    get_timeout_s=PATIENT_S, purges=RedisPurgesSettings(timeout_s=PATIENT_S, note_timeout_s=PATIENT_S)
)


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    # The cluster's own port is another of the machine's free ones.
    ports = [str(port) for port in free_ports(2)]
    options = ("--cluster-enabled", "yes", "--bind", "127.0.0.1", "--port", ports[0], "--cluster-port", ports[1])
    with running_redis(*options) as running:
        yield running


@asynccontextmanager
async def shard(server: RedisServer) -> AsyncIterator[TurnClient]:
    """Yield a client of the shard once it owns every slot."""
    async with closing(client_of(server, failures=1_000)) as client:
        if b"cluster_slots_assigned:0" in await state_of(client):
            await client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383, timeout_s=PATIENT_S)
        async with asyncio.timeout(PATIENT_S):
            while b"cluster_state:ok" not in await state_of(client):
                pass
        await client.call("FLUSHALL", timeout_s=PATIENT_S)
        yield client


async def state_of(client: TurnClient) -> bytes:
    told = await client.call("CLUSTER", "INFO", timeout_s=PATIENT_S)
    assert isinstance(told, bytes)
    return told


async def test_the_server_refuses_what_touches_two_slots(server: RedisServer) -> None:
    async with shard(server) as client:
        with pytest.raises(RedisRefused) as refused:
            await client.call("UNLINK", "{a}1", "{b}1", timeout_s=PATIENT_S)
        assert refused.value.code == "CROSSSLOT"


async def test_answers_are_kept_purged_and_counted(server: RedisServer) -> None:
    async with shard(server) as client:
        cache = RedisCache(client, MonotonicClock(), SETTINGS)
        for key in (KEY, OTHER):
            cache.put(key, ANSWER, 60.0)
        await cache.flush()
        other = RedisCache(client, MonotonicClock(), SETTINGS)
        await other.look()
        assert await other.get(KEY) == ANSWER
        assert await cache.count(Selection(KEY.tenant)) == Tally(1, 2)
        assert await cache.purge(Selection(KEY.tenant, RouteName("fast"))) == Tally(1, 2)
        await other.look()
        assert await other.get(KEY) is None
        assert await other.get(OTHER) == ANSWER
        for each in (cache, other):
            await each.aclose()


async def test_the_ledger_holds_and_settles(server: RedisServer) -> None:
    async with shard(server) as client:
        ledger = RedisLedger(client, clock=MonotonicClock(), chance=lambda: 0.0)
        allowance = Allowance(budget_usd_nano=1_000, requests_per_minute=5, tokens_per_minute=1_000)
        hold = Hold(RequestId("r"), KEY.tenant, allowance, 100, 10, 60.0)
        assert (await ledger.hold(hold)).is_granted
        await ledger.settle(Settlement(hold, 50, 5))
        await ledger.aclose()
