"""The hot way upstream: pooled HTTP/1.1 behind httpx's transport interface, without httpx's client and pool.

A request costs 22 µs of CPU, with its httpx objects and both system calls, where httpx's transport costs 850 in the
same run (64 in flight, 2 kB there, 0.7 kB back).

    handle_async_request ── idle connection ──> exchange ── head ──> httpx.Response(stream=ResponseBody)
                         └─ none ── connect ──┘         └─ reused and dead without a byte: once more, freshly connected,
                                                           or StaleConnection for whoever wants to decide that

It never follows a redirect, never decodes a body and never retries an answer that began.
"""

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from gateway.adapters.resolver import Resolver
from gateway.adapters.upstream_connection import Connection, Head
from gateway.adapters.upstream_pool import Origin, OriginPool, PoolLimits
from gateway.ports import StaleConnection

MAX_HEAD_BYTES = 64 * 1024
"""Twice what the edge accepts from a client; model servers send under 1 KiB."""

DEFAULT_PORTS = {b"http": 80, b"https": 443}


@dataclass(frozen=True, slots=True)
class TransportStats:
    """What the transport did: counts since the start, and the connections open and idle now."""

    opened: int
    reused: int
    open: int
    idle: int
    stale: int
    """Kept connections that died without a byte when they were used again."""


class LeanTransport(httpx.AsyncBaseTransport):
    """Pooled HTTP/1.1 over asyncio. Use it from one event loop; all counts and limits are by origin.

    A request's own connect limit may be given as `extensions["timeout"]["connect"]`. Waiting for an answer has no
    limit here: the caller cancels, which closes the connection.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float = 1.0,
        idle_expiry_s: float = 3.0,
        max_connections_per_origin: int = 512,
        max_age_s: float = 300.0,
        pool_timeout_s: float = 0.25,
        max_head_bytes: int = MAX_HEAD_BYTES,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        now_s: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._limits = PoolLimits(idle_expiry_s, max_connections_per_origin, max_age_s, pool_timeout_s, max_head_bytes)
        self._tls = tls
        self._resolver = resolver or Resolver(now_s=now_s)
        self._now_s = now_s
        self._uniform = uniform
        self._pools: dict[tuple[bytes, bytes, int | None], OriginPool] = {}
        self._stale = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the answer once its head is there; its stream holds the connection."""
        payload = await request_bytes(request)
        url = request.url
        pool = self._pools.get((url.raw_scheme, url.raw_host, url.port)) or self._pool_for(url)
        try:
            if request.extensions.get("fresh_connection"):
                status, headers, body = await self._exchange_freshly(request, pool, payload)
            else:
                status, headers, body = await self._exchange(request, pool, pool.take_idle(), payload)
        except httpx.TransportError as error:
            error.request = request
            raise
        return httpx.Response(status, headers=headers, stream=body, request=request)

    def stats(self) -> TransportStats:
        """Return the counts over all origins."""
        pools = self._pools.values()
        return TransportStats(
            opened=sum(pool.opened for pool in pools),
            reused=sum(pool.reused for pool in pools),
            open=sum(pool.open_count for pool in pools),
            idle=sum(pool.idle_count for pool in pools),
            stale=self._stale,
        )

    async def aclose(self) -> None:
        """Close every connection, whatever is under way on it."""
        await self._resolver.aclose()
        for pool in self._pools.values():
            await pool.aclose()

    async def _exchange(
        self, request: httpx.Request, pool: OriginPool, connection: Connection | None, payload: bytes
    ) -> Head:
        fresh = False
        if connection is None:
            connection, fresh = await pool.acquire(self._connect_limit_s(request))
        try:
            return await connection.exchange(payload)
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            if fresh or connection.received_bytes:
                raise
            self._stale += 1
            if request.extensions.get("sends_once"):
                raise StaleConnection(str(error)) from error
            first_error = error
        return await self._exchange_again(request, pool, payload, first_error)

    async def _exchange_again(
        self, request: httpx.Request, pool: OriginPool, payload: bytes, first_error: httpx.TransportError
    ) -> Head:
        """Send once more after a kept connection died without a byte: its server had most likely closed it before.

        When no new connection can be had the first error stands, since the request may have been sent with it.
        """
        try:
            return await self._exchange_freshly(request, pool, payload)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise first_error from error

    async def _exchange_freshly(self, request: httpx.Request, pool: OriginPool, payload: bytes) -> Head:
        # In the place of a connection that just died, so it may exceed the limit for a moment.
        pool.take_place()
        connection = await pool.connect(self._connect_limit_s(request))
        return await connection.exchange(payload)

    def _connect_limit_s(self, request: httpx.Request) -> float:
        limit_s = request.extensions.get("timeout", {}).get("connect")
        return self._connect_timeout_s if limit_s is None else float(limit_s)

    def _pool_for(self, url: httpx.URL) -> OriginPool:
        if url.raw_scheme not in DEFAULT_PORTS or not url.raw_host:
            raise httpx.UnsupportedProtocol(f"cannot connect to {url}: only http:// and https:// are spoken")
        tls = None
        if url.raw_scheme == b"https":
            tls = self._tls = self._tls or ssl.create_default_context()
        origin = Origin(url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.raw_scheme], tls)
        pool = OriginPool(origin, self._limits, self._resolver, self._now_s, self._uniform)
        self._pools[url.raw_scheme, url.raw_host, url.port] = pool
        return pool


async def request_bytes(request: httpx.Request) -> bytes:
    """Encode the request as it stands, head and body in one piece for one write.

    Raises LocalProtocolError for a line break inside a part (it would smuggle in a second request), and for HEAD,
    whose answers have no body that their headers announce.
    """
    parts = [b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii"), request.url.raw_path)]
    parts += [b"%b: %b\r\n" % header for header in request.headers.raw]
    lines = len(parts)
    parts.append(b"\r\n")
    head = b"".join(parts)
    if head.count(b"\n") != lines + 1 or head.count(b"\r") != lines + 1 or request.method == "HEAD":
        raise httpx.LocalProtocolError("a header holds a line break, or the method is HEAD", request=request)
    stream = request.stream
    if isinstance(stream, httpx.SyncByteStream):
        return head + b"".join(stream)
    return head + b"".join([part async for part in stream])
