"""The ways in which a path can be impaired, done by a relay in user space.

gateway ──► Relay, on a port of its own ──► model server
"""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from tests.chaos.impair import FREE, Cut, Door, Flow, Way

PIECE_BYTES = 16 * 1024
"""What is passed on at once: small, so that a rate is kept smoothly."""
CORRUPT_BYTES = 512
"""Longer than any one event of a stream: some of what frames it is destroyed, not letters alone."""
CONNECT_WITHIN_S = 5.0
_BACKLOG = 128
_RESETS = struct.pack("ii", 1, 0)
_ORDER = re.compile(rb"chaos (\d+) ")

Watch = Callable[["Relay", int, Way], None]
"""Told the number of a request when it passes, and when the first byte of its answer does."""


class Relay:
    """One path to the port of a server on loopback, closed until it is started."""

    def __init__(self, name: str, to_port: int, *, port: int = 0, watch: Watch | None = None) -> None:
        self.name = name
        self.to_port = to_port
        self.port = port
        self.flows = {Way.REQUEST: FREE, Way.ANSWER: FREE}
        self.changed = asyncio.Event()
        """Set, and replaced by another, whenever a flow changes."""
        self.watch = watch
        self.door = Door.REFUSES
        self._listening: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._links: dict[_Link, asyncio.Task[None]] = {}

    @property
    def base_url(self) -> str:
        """What a policy names as an endpoint's URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Be a clean path. A port of 0 is exchanged for a free one, which stays this relay's."""
        self.set_door(Door.OPEN)

    async def aclose(self) -> None:
        """Refuse everything and wait until the last connection is gone."""
        self.set_door(Door.REFUSES)
        self.break_off(Cut.RESET)
        tasks = [*self._links.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def set_flow(self, way: Way, flow: Flow) -> None:
        """As Impair says."""
        self.flows[way] = flow
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def set_door(self, door: Door) -> None:
        """As Impair says."""
        before, self.door = self.door, door
        accepts = {Door.OPEN, Door.SWALLOWS}
        if before is door or {before, door} == accepts:
            return
        self._shut()
        if door in accepts:
            self._open(_BACKLOG)
        elif door is Door.IGNORES:
            self._fill()

    def break_off(self, cut: Cut) -> None:
        """As Impair says."""
        for link in tuple(self._links):
            link.break_off(cut)

    def heal(self) -> None:
        """As Impair says."""
        for way in Way:
            self.set_flow(way, FREE)
        self.set_door(Door.OPEN)

    def _open(self, backlog: int) -> None:
        listener = _listener(self.port, backlog)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._listening = asyncio.get_running_loop().create_task(self._accept(listener))

    def _shut(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    def _fill(self) -> None:
        """Listen without accepting, and fill the one place that such a listener has: the kernel drops what follows."""
        self._listener = _listener(self.port, 0)
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self._fillers.append(filler)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            link = _Link(self)
            task = loop.create_task(link.run(connection))
            self._links[link] = task
            task.add_done_callback(partial(self._forget, link))

    def _forget(self, link: "_Link", task: asyncio.Task[None]) -> None:
        del self._links[link]


def _listener(port: int, backlog: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    listener.bind(("127.0.0.1", port))
    listener.listen(backlog)
    return listener


class _Link:
    """One connection and its other half."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._writers: dict[Way, asyncio.StreamWriter] = {}
        self._passed_bytes = {Way.REQUEST: 0, Way.ANSWER: 0}
        self._request = 0
        self._head = b""

    async def run(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        self._writers[Way.ANSWER] = writer
        try:
            if self._relay.door is Door.SWALLOWS:
                await self._swallow(reader)
            else:
                await self._join(reader)
        finally:
            for each in self._writers.values():
                each.close()

    def break_off(self, cut: Cut) -> None:
        if cut is Cut.CLOSE:
            # There is none yet of a connection that was accepted in this very turn of the loop.
            if Way.ANSWER in self._writers:
                self._writers[Way.ANSWER].close()
            return
        for writer in self._writers.values():
            raw = writer.get_extra_info("socket")
            if raw is not None and not writer.transport.is_closing():
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
            writer.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(PIECE_BYTES):
                self._observe(Way.REQUEST, data)

    async def _join(self, reader: asyncio.StreamReader) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                upstream, self._writers[Way.REQUEST] = await asyncio.open_connection("127.0.0.1", self._relay.to_port)
        except (OSError, TimeoutError):
            self.break_off(Cut.RESET)
            return
        pumps = (self._pump(Way.REQUEST, reader), self._pump(Way.ANSWER, upstream))
        await asyncio.gather(*pumps)

    async def _pump(self, way: Way, reader: asyncio.StreamReader) -> None:
        writer = self._writers[way]
        try:
            while data := await reader.read(PIECE_BYTES):
                if not await self._pass(way, writer, data):
                    return
            await self._may_pass(way)
            writer.write_eof()
        except (OSError, RuntimeError):
            # One side was reset, or is gone: the other learns of it in the same way.
            self.break_off(Cut.RESET)

    async def _pass(self, way: Way, writer: asyncio.StreamWriter, data: bytes) -> bool:
        """Pass a piece on as the flow lets it; False once the connection was broken off instead."""
        self._observe(way, data)
        await self._may_pass(way)
        flow = self._relay.flows[way]
        if flow.delay_s:
            await asyncio.sleep(flow.delay_s)
        if flow.bytes_per_s is not None:
            await asyncio.sleep(len(data) / flow.bytes_per_s)
        began, ends = self._passed_bytes[way], self._passed_bytes[way] + len(data)
        self._passed_bytes[way] = ends
        if flow.corrupt_at_byte is not None:
            data = _corrupted(data, flow.corrupt_at_byte - began)
        if flow.cut is not None and ends >= flow.cut_at_byte:
            writer.write(data[: max(0, flow.cut_at_byte - began)])
            await writer.drain()
            self.break_off(flow.cut)
            return False
        writer.write(data)
        await writer.drain()
        return True

    async def _may_pass(self, way: Way) -> None:
        while self._relay.flows[way].is_stalled:
            await self._relay.changed.wait()

    def _observe(self, way: Way, data: bytes) -> None:
        """Find out which request this is. An answer's bytes are counted from its own first one."""
        if way is Way.REQUEST:
            self._head = (self._head + data)[-PIECE_BYTES:]
            found = _ORDER.findall(self._head)
            if found:
                self._head, self._request = b"", int(found[-1])
                self._passed_bytes[Way.ANSWER] = 0
                self._tell(way)
        elif self._passed_bytes[way] == 0:
            self._tell(way)

    def _tell(self, way: Way) -> None:
        if self._relay.watch is not None:
            self._relay.watch(self._relay, self._request, way)


def _corrupted(data: bytes, offset: int) -> bytes:
    """Zero what of the damaged stretch, which begins at that offset, lies in this piece."""
    first, last = max(0, offset), min(len(data), offset + CORRUPT_BYTES)
    return data if first >= last else data[:first] + bytes(last - first) + data[last:]
