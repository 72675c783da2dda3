"""A simulated model server on a free loopback port, for the length of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from load_tests.model_server import start
from load_tests.simulation import Behaviour, Stats
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server listens and what it counted."""

    port: int
    stats: Stats


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Served]:
    """Serve until the test is through with it, and leave no connection behind."""
    server, simulation = await start(behaviour)
    try:
        yield Served(server.sockets[0].getsockname()[1], simulation.stats)
    finally:
        server.close()
        await eventually(lambda: simulation.stats.closed == simulation.stats.connections)
