"""Thousands of slow clients at once: opened evenly, replaced as they are ended, and each end judged."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from load_tests.bodies import BodyKind, request_body
from load_tests.plan import COUNTER, COUNTER_DIGITS
from load_tests.slow_client import Kind, Script, SlowClient, SlowTerms

MIX = (*(Kind.HEAD, Kind.BODY) * 9, *(Kind.READER,) * 2)
"""Of twenty, two are readers: each of them holds a connection to a model server, and of those a gateway has 512."""
READER_TOKENS = 4_000
"""Of a reader's stream, about 800 kB: three times what the gateway and its kernel take before they make the model
server wait. More of it would only keep the simulated server busy, and the good requests waiting for that."""
READER_WINDOW_BYTES = 4_096
READER_SEGMENT_BYTES = 536
"""A reader takes small segments into a small buffer, so that the gateway's kernel lends little to it, too."""

_TARGET = "POST /v1/chat/completions HTTP/1.1\r\n"
_SLOW_BODY_BYTES = 1_000


@dataclass(slots=True)
class Ends:
    """How the clients of one kind ended."""

    well: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, fault: str | None) -> None:
        """Count one."""
        if fault is None:
            self.well += 1
        else:
            self.faults[fault] += 1


class SlowCrowd:
    """So many slow clients of one server. `ends` says what became of those that are over."""

    def __init__(self, port: int, clients: int, terms: SlowTerms, mix: tuple[Kind, ...] = MIX) -> None:
        self.ends: dict[Kind, Ends] = {kind: Ends() for kind in dict.fromkeys(mix)}
        self.open_now = 0
        self._port = port
        self._clients = clients
        self._terms = terms
        self._mix = mix
        self._leaving = False
        self._keeping: list[asyncio.Task[None]] = []

    async def come(self, within_s: float) -> None:
        """Open all of them, spread over that time so that their limits do not run out at once."""
        self._leaving = False
        pause_s = within_s / self._clients
        self._keeping = [asyncio.create_task(self._keep(number, number * pause_s)) for number in range(self._clients)]
        await asyncio.sleep(within_s)

    async def leave(self) -> None:
        """Replace none from now on, and wait until the gateway has ended each."""
        self._leaving = True
        await asyncio.gather(*self._keeping)

    async def _keep(self, number: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        kind = self._mix[number % len(self._mix)]
        script = script_of(kind, self._port, number)
        while True:
            try:
                client = await self._open(script)
            except OSError as error:
                self.ends[kind].add(f"cannot connect: {os.strerror(error.errno or 0)}")
                return
            self.open_now += 1
            fault = await client.ended
            self.open_now -= 1
            self.ends[kind].add(fault)
            if self._leaving:
                return

    async def _open(self, script: Script) -> SlowClient:
        loop = asyncio.get_running_loop()
        line = socket.socket()
        try:
            line.setblocking(False)
            if script.kind is Kind.READER:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READER_WINDOW_BYTES)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, READER_SEGMENT_BYTES)
            client = SlowClient(script, self._terms)
            await loop.sock_connect(line, ("127.0.0.1", self._port))
            await loop.create_connection(lambda: client, sock=line)
        except OSError:
            line.close()
            raise
        return client


def script_of(kind: Kind, port: int, number: int) -> Script:
    """Return what a slow client sends; no two readers ask the same, so that no cache answers."""
    head = f"{_TARGET}host: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    if kind is Kind.HEAD:
        return Script(kind, b"", f"{head}x-slow: {'y' * _SLOW_BODY_BYTES}".encode())
    if kind is Kind.BODY:
        return Script(kind, f"{head}content-length: {_SLOW_BODY_BYTES}\r\n\r\n".encode(), b" ")
    body = request_body(BodyKind(chunk_delay_us=0, max_tokens=READER_TOKENS))
    body = body.replace(COUNTER.encode(), b"%0*d" % (COUNTER_DIGITS, number))
    return Script(kind, f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


def fault_lines(ends: Iterable[tuple[Kind, Ends]]) -> Iterable[str]:
    """Say what went wrong with how many."""
    for kind, each in ends:
        for fault, count in each.faults.most_common(3):
            yield f"{count:,} times, a client that {kind.value} {fault}"
