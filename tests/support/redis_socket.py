"""The Redis in memory behind a real socket, on the loop of a test, so that suites can ask it like a real server."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import hiredis

from gateway.adapters.redis_target import RedisTarget, read_target
from tests.support.redis_in_memory import RedisInMemory
from tests.support.redis_server import RedisServer

SIMULATED = "simulated redis"
"""Begins the name of each kind of store that asks the Redis in memory."""


@asynccontextmanager
async def server_for(kind: str, server: RedisServer) -> AsyncIterator[RedisServer | RedisTarget]:
    """Yield the server that a kind of store asks: the real one, or one in memory for as long as the block lasts."""
    if not kind.startswith(SIMULATED):
        yield server
        return
    redis = RedisInMemory(lambda: time.time_ns() // 1_000)
    connections: list[_Connection] = []

    def connected() -> _Connection:
        connections.append(_Connection(redis))
        return connections[-1]

    with tempfile.TemporaryDirectory(prefix="tg-redis-") as folder:  # a socket's path may have 107 bytes at most
        path = Path(folder) / "redis.sock"
        listener = await asyncio.get_running_loop().create_unix_server(connected, str(path))
        try:
            yield read_target(f"unix://{path}")
        finally:
            listener.close()
            for connection in connections:
                connection.transport.abort()
            await listener.wait_closed()


class _Connection(asyncio.Protocol):
    def __init__(self, redis: RedisInMemory) -> None:
        self.transport: asyncio.Transport
        self._redis = redis
        self._reader = hiredis.Reader(notEnoughData=...)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports do not say that they are one

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        answers = []
        while (command := self._reader.gets()) is not ...:
            answers.append(self._redis.answer(command))
        self.transport.write(b"".join(answers))
