"""The caches that a fuzz is played on: in memory, and of two workers on a real Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_purges import RedisPurgesSettings
from gateway.adapters.redis_sweep import RedisSweepSettings
from gateway.ports import CacheStore
from tests.support.redis_server import PATIENT_S, MonotonicClock, client_of, running_redis

KINDS = ("memory", "redis")
_WORKERS = 2
_SETTINGS = RedisCacheSettings(
    get_timeout_s=PATIENT_S,
    local_max_age_s=1.0,
    purges=RedisPurgesSettings(timeout_s=PATIENT_S, note_timeout_s=PATIENT_S),
    sweep=RedisSweepSettings(within_s=0.0, timeout_s=PATIENT_S),
)
"""Nothing fails for a busy machine; a purge frees one batch, since nothing rests on the rest of it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Caches that share what they keep; `hear` lets all of them look for purges."""

    caches: Sequence[CacheStore]
    hear: Callable[[], "asyncio.Future[None]"]


class Listens(Protocol):
    """What hears of other workers."""

    async def listen(self) -> None: ...

    async def aclose(self) -> None: ...


@asynccontextmanager
async def listening(stores: Sequence[Listens], clients: Sequence[RedisClient]) -> AsyncIterator[None]:
    """Let them listen, each on its client, and close both at the end."""
    tasks = [asyncio.create_task(store.listen()) for store in stores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for store, client in zip(stores, clients, strict=True):
            await store.aclose()
            await client.aclose()


@asynccontextmanager
async def opened(kind: str) -> AsyncIterator[Opened]:
    """Open the caches of a kind."""
    if kind == "memory":
        yield Opened([MemoryCache(MonotonicClock())], _nothing)
        return
    with running_redis() as server:
        clients = [client_of(server) for _ in range(_WORKERS)]
        caches = [RedisCache(client, MonotonicClock(), _SETTINGS) for client in clients]

        async def look() -> None:
            await asyncio.gather(*(cache.look() for cache in caches))

        async with listening(caches, clients):
            yield Opened(caches, lambda: asyncio.ensure_future(look()))


def wall_s() -> float:
    """Tell the time in seconds since the epoch."""
    return time.time()


def _nothing() -> "asyncio.Future[None]":
    heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    heard.set_result(None)
    return heard
