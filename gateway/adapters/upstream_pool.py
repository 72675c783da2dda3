"""The connections to one origin: opened up to a limit, reused last in, first out, closed when idle or old.

    take_idle() ── none ──> acquire() ── below the limit ──> connect
                                      └─ at the limit ─────> wait for a connection or for a free place

Last in, first out keeps few connections warm and lets the others expire. An idle connection is dropped well before a
server with the usual 5 s keep-alive would drop it: reusing at the server's own limit fails for one request in five.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from gateway.adapters.resolver import Addresses, Resolver
from gateway.adapters.upstream_connection import READ_BYTES, Connection
from gateway.adapters.upstream_shortage import is_own_shortage
from gateway.ports import OwnShortage


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect. `tls` None is plain TCP."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits of one origin's pool. `max_age_s` is drawn for each connection within ±20 %."""

    idle_expiry_s: float
    max_connections: int
    max_age_s: float
    pool_timeout_s: float
    max_head_bytes: int


AGE_JITTER = 0.2
"""Connections opened together after a scale-out should not be reopened together."""


class OriginPool:
    """The pool of one origin. `opened` and `reused` count since the start."""

    def __init__(
        self,
        origin: Origin,
        limits: PoolLimits,
        resolver: Resolver,
        now_s: Callable[[], float],
        uniform: Callable[[float, float], float],
    ) -> None:
        self.opened = 0
        self.reused = 0
        self._origin = origin
        self._limits = limits
        self._resolver = resolver
        self._now_s = now_s
        self._uniform = uniform
        self._idle: list[Connection] = []
        self._members: set[Connection] = set()
        self._reads_into = memoryview(bytearray(READ_BYTES))
        self._taken = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    @property
    def open_count(self) -> int:
        """Connections that are open now."""
        return len(self._members)

    @property
    def idle_count(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    def take_idle(self) -> Connection | None:
        """Return the connection used last, if one is fit to be used again."""
        idle = self._idle
        if not idle:
            return None
        now_s = self._now_s()
        while idle:
            connection = idle.pop()
            if now_s < connection.fit_until_s and not connection.is_closed:
                self.reused += 1
                return connection
            connection.abort()
        return None

    async def acquire(self, connect_timeout_s: float) -> tuple[Connection, bool]:
        """Return a connection, and whether it is fresh, when none was idle.

        Raises PoolTimeout, ConnectTimeout, ConnectError or OwnShortage.
        """
        if self._taken >= self._limits.max_connections:
            connection = await self._wait_in_line()
            if connection is not None:
                self.reused += 1
                return connection, False
        else:
            self._taken += 1
        return await self.connect(connect_timeout_s), True

    async def connect(self, connect_timeout_s: float) -> Connection:
        """Open a connection in a place that was taken before; gives the place back on failure."""
        connected = False
        try:
            connection = await self._open(connect_timeout_s)
            connected = True
            return connection
        finally:
            if not connected:
                self._free_place()

    def take_place(self) -> None:
        """Take a place beyond the limit if need be: for the connection that replaces one which just died."""
        self._taken += 1

    async def aclose(self) -> None:
        """Close every connection and wait until all are gone."""
        if self._reaper is not None:
            self._reaper.cancel()
        self._emptied = asyncio.Event()
        for connection in self._members:
            connection.abort()
        if self._members:
            await self._emptied.wait()

    async def _open(self, connect_timeout_s: float) -> Connection:
        origin = self._origin
        try:
            async with asyncio.timeout(connect_timeout_s):
                connection = await self._connect_to_any(await self._resolver.addresses(origin.host))
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {origin} within {connect_timeout_s} s") from error
        except OSError as error:
            kind = OwnShortage if is_own_shortage(error) else httpx.ConnectError
            raise kind(f"no connection to {origin}: {error}") from error
        if connection.is_closed or self._emptied is not None:
            connection.abort()
            raise httpx.ConnectError(f"the connection to {origin} was closed as soon as it was opened")
        self._members.add(connection)
        self.opened += 1
        return connection

    async def _connect_to_any(self, addresses: Addresses) -> Connection:
        """Connect to the first address that lets us. Raises OSError, and TimeoutError, which is one."""
        *others, last = addresses
        for address in others:
            try:
                return await self._connect_to(address)
            except ssl.SSLError:
                raise
            except OSError:
                # A name may lead to addresses of both kinds, one of which this machine cannot reach.
                continue
        return await self._connect_to(last)

    async def _connect_to(self, address: str) -> Connection:
        origin, limits = self._origin, self._limits
        age_s = limits.max_age_s * self._uniform(1.0 - AGE_JITTER, 1.0 + AGE_JITTER)
        retire_at_s = self._now_s() + age_s
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._on_idle, self._on_lost, limits.max_head_bytes, retire_at_s, self._reads_into),
            address,
            origin.port,
            ssl=origin.tls,
            server_hostname=None if origin.tls is None else origin.host,
        )
        return connection

    async def _wait_in_line(self) -> Connection | None:
        """Wait for a connection, or None for a place in which to open one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        served = False
        try:
            async with asyncio.timeout(self._limits.pool_timeout_s):
                connection = await waiter
            served = True
            return connection
        except TimeoutError as error:
            limit = self._limits.max_connections
            raise httpx.PoolTimeout(f"all {limit} connections to {self._origin} are in use") from error
        finally:
            if not served:
                self._withdraw(waiter)

    def _withdraw(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Leave the line; what was handed over in the same turn of the loop goes back."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.done() and not waiter.cancelled():
            connection = waiter.result()
            if connection is None:
                self._free_place()
            else:
                self._on_idle(connection)

    def _on_idle(self, connection: Connection) -> None:
        now_s = self._now_s()
        if now_s >= connection.retire_at_s or connection.is_closed:
            connection.abort()
            return
        if self._waiters and self._hand_over(connection):
            return
        connection.fit_until_s = min(now_s + self._limits.idle_expiry_s, connection.retire_at_s)
        self._idle.append(connection)
        if self._reaper is None:
            self._reaper = connection.loop.call_later(self._limits.idle_expiry_s, self._reap)

    def _on_lost(self, connection: Connection) -> None:
        if connection not in self._members:
            return
        self._members.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._free_place()
        if self._emptied is not None and not self._members:
            self._emptied.set()

    def _free_place(self) -> None:
        """Give the place to whoever waits for one; it stays taken then."""
        if self._taken > self._limits.max_connections or not self._hand_over(None):
            self._taken -= 1

    def _hand_over(self, connection: Connection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _reap(self) -> None:
        """Close what was idle for too long; the list is in the order of release."""
        self._reaper = None
        now_s = self._now_s()
        while self._idle and self._idle[0].fit_until_s <= now_s:
            self._idle.pop(0).abort()
        if self._idle:
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_later(max(self._idle[0].fit_until_s - now_s, 0.0) + 0.001, self._reap)
