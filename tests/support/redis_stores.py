"""The stores of several workers on one Redis that is empty at first, for suites that ask real ones or one in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from gateway.adapters.redis_turn import TurnClient
from tests.support.redis_server import PATIENT_S, RedisServer, client_of
from tests.support.redis_socket import server_for


class Closable(Protocol):
    """A store that writes what it still has when it is closed."""

    async def aclose(self) -> None: ...


S = TypeVar("S", bound=Closable)


@asynccontextmanager
async def clients_on(kind: str, server: RedisServer, count: int = 2) -> AsyncIterator[list[TurnClient]]:
    """Yield the clients of so many workers of the server that a kind of store asks."""
    async with server_for(kind, server) as asked:
        clients = [client_of(asked) for _ in range(count)]
        try:
            await clients[0].call("FLUSHALL", timeout_s=PATIENT_S)
            yield clients
        finally:
            for client in clients:
                await client.aclose()


@asynccontextmanager
async def stores_on(
    kind: str, server: RedisServer, make: Callable[[TurnClient], S], count: int = 2
) -> AsyncIterator[list[S]]:
    """Yield the stores of so many workers on such a server."""
    async with clients_on(kind, server, count) as clients:
        stores = [make(client) for client in clients]
        try:
            yield stores
        finally:
            for store in stores:
                await store.aclose()
