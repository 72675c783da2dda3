"""A load balancer as dumb as they come: it knows TCP, takes turns, and hears late of who serves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tests.chaos.history import now_s
from tests.chaos.relay import PIECE_BYTES


class Replica(Protocol):
    """Somebody who listens on loopback."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def port(self) -> int:
        """Where it listens."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection that a replica refused although it was in the list."""

    replica: str
    at_s: float


class Front:
    """Passes connections on to the replicas in its list, in turn. It never tries a second one."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.port = 0
        self.refused: list[Refused] = []
        self._listed = list(replicas)
        self._turn = 0
        self._open = {replica.name: 0 for replica in replicas}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.TimerHandle] = set()

    @property
    def base_url(self) -> str:
        """What a client is told. It ends with `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening and break off what is open."""
        if self._server is not None:
            self._server.close()
        for timer in self._late:
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def listed(self) -> list[str]:
        """The names of those that connections are passed on to."""
        return [replica.name for replica in self._listed]

    def hear(self, replica: Replica, *, serves: bool, after_s: float) -> None:
        """Learn late that a replica serves, or that it does not."""
        self._late.add(asyncio.get_running_loop().call_later(after_s, self._list, replica, serves))

    def open_at(self, replica: Replica) -> int:
        """Count the connections that are open to a replica now."""
        return self._open[replica.name]

    def _list(self, replica: Replica, serves: bool) -> None:
        if serves and replica not in self._listed:
            self._listed.append(replica)
        elif not serves and replica in self._listed:
            self._listed.remove(replica)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._take(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replica = self._listed[self._turn % len(self._listed)]
        self._turn += 1
        self._open[replica.name] += 1
        try:
            await self._join(replica, reader, writer)
        finally:
            self._open[replica.name] -= 1
            writer.close()

    async def _join(self, replica: Replica, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, onward = await asyncio.open_connection("127.0.0.1", replica.port)
        except OSError:
            self.refused.append(Refused(replica.name, now_s()))
            writer.transport.abort()
            return
        try:
            gone = partial(_abort, writer, onward)
            await asyncio.gather(_pump(reader, onward, gone), _pump(upstream, writer, gone))
        finally:
            onward.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: "partial[None]") -> None:
    try:
        while data := await reader.read(PIECE_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (OSError, RuntimeError):
        gone()


def _abort(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()
