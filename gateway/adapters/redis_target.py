"""From a URL to an open, greeted connection.

    redis://[user:password@]host[:port][/db]         rediss:// for TLS (redis-py's ssl_* options as query)
    unix://[user:password@]/path/of/socket[?db=0]
    redis+sentinel://[user:password@]host:port[,host:port]/service[?db=0]
    redis+cluster://[user:password@]host:port[,host:port]        rediss+cluster:// for TLS

redis-py reads the URLs and asks the sentinels, so whatever it accepts there holds here.
"""

import asyncio
import math
import ssl
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.adapters.redis_link import Argument, Call, Link, LinkOwner, RedisUnavailable, pack

_SENTINEL_SCHEME = "redis+sentinel"
_CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
_PORT = 6379
_SENTINEL_PORT = 26379
"""Sentinel's own default."""

_SENTINEL_TIMEOUT_S = 0.1
"""For one sentinel; several are asked at once, within the time given to connect."""


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """Where the server is and how to greet it: `path`, `host` and `port`, `sentinels` and `service`, or `nodes`.

    `nodes` are some servers of a cluster, through which the others are found.
    """

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    username: str | None = None
    password: str | None = None
    db: int = 0
    tls: ssl.SSLContext | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    nodes: tuple[tuple[str, int], ...] = ()

    @property
    def where(self) -> str:
        """Return a short name of the place, without credentials."""
        if self.path is not None:
            return self.path
        if self.sentinels:
            return f"{self.service} by sentinels"
        return ",".join(f"{host}:{port}" for host, port in self.nodes or ((self.host, self.port),))

    def __repr__(self) -> str:
        where = self.where
        return f"RedisTarget({where}, db {self.db})"

    def greeting(self) -> list[tuple[Argument, ...]]:
        """List what must be said first on a new connection."""
        commands: list[tuple[Argument, ...]] = []
        if self.password is not None:
            commands.append(("AUTH", self.username, self.password) if self.username else ("AUTH", self.password))
        if self.db:
            commands.append(("SELECT", self.db))
        return [*commands, ("PING",)]


def read_target(url: str) -> RedisTarget:
    """Read a Redis URL. Raises ValueError, saying what a URL must look like, for one that cannot be used."""
    if url.startswith(_SENTINEL_SCHEME + "://"):
        return _read_sentinel_target(url)
    if url.startswith(tuple(f"{scheme}://" for scheme in _CLUSTER_SCHEMES)):
        return _read_cluster_target(url)
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Connection)
    try:
        asked = kind(**options)
    except TypeError as error:
        raise ValueError(f"the Redis URL has an option that redis-py does not know: {error}") from error
    target = RedisTarget(username=asked.username, password=asked.password, db=int(asked.db))
    if isinstance(asked, UnixDomainSocketConnection):
        if not asked.path:
            raise ValueError("a unix:// Redis URL needs the socket's path, as in unix:///run/redis.sock")
        return replace(target, path=asked.path)
    tls = asked.ssl_context.get() if isinstance(asked, SSLConnection) else None
    return replace(target, host=asked.host, port=int(asked.port), tls=tls)


async def open_link(target: RedisTarget, owner: LinkOwner) -> Link:
    """Connect and greet. Raises OSError or RedisUnavailable; the caller bounds the time."""
    loop = asyncio.get_running_loop()
    if target.path is not None:
        _, link = await loop.create_unix_connection(lambda: Link(owner), target.path)
    else:
        host, port = await _address_of(target)
        _, link = await loop.create_connection(lambda: Link(owner), host, port, ssl=target.tls)
    is_greeted = False
    try:
        await _greet(target, link)
        is_greeted = True
    finally:
        if not is_greeted:
            link.abort()
    return link


async def _greet(target: RedisTarget, link: Link) -> None:
    loop = asyncio.get_running_loop()
    calls = [Call(pack(command), loop.create_future(), math.inf, 0.0) for command in target.greeting()]
    link.send(calls)
    # All of them are awaited, so that the refusal of the first does not leave those of the others unread.
    answers = await asyncio.gather(*(call.future for call in calls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    if not link.is_alive:
        raise RedisUnavailable("the connection ended, or was given up, right behind its greeting")


async def _address_of(target: RedisTarget) -> tuple[str, int]:
    if not target.sentinels:
        return target.host, target.port
    # redis-py's own ten retries would take seconds; here the breaker decides when to ask again.
    options = {"socket_timeout": _SENTINEL_TIMEOUT_S, "retry": Retry(NoBackoff(), 0)}
    sentinel = Sentinel(list(target.sentinels), sentinel_kwargs=options)  # type: ignore[no-untyped-call] # as it ships
    try:
        host, port = await sentinel.discover_master(target.service)
    except RedisError as error:
        raise RedisUnavailable(f"no sentinel knows the primary of {target.service!r}: {error}") from error
    finally:
        for client in sentinel.sentinels:
            await client.aclose()
    return str(host), int(port)


def _read_sentinel_target(url: str) -> RedisTarget:
    parts = urlsplit(url)
    _, _, hosts = parts.netloc.rpartition("@")
    sentinels = tuple(_host_and_port(entry, _SENTINEL_PORT) for entry in hosts.split(","))
    service = parts.path.strip("/")
    if not service or not all(host for host, _ in sentinels):
        raise ValueError("a sentinel URL looks like redis+sentinel://host:26379,host:26379/service")
    # The rest (user, password, db) is read as redis-py reads it of an ordinary URL.
    credentials = parts.netloc[: -len(hosts)]
    plain = read_target(f"redis://{credentials}localhost?{parts.query}")
    return replace(plain, sentinels=sentinels, service=service)


def _read_cluster_target(url: str) -> RedisTarget:
    parts = urlsplit(url)
    _, _, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_host_and_port(entry, _PORT) for entry in hosts.split(","))
    if not all(host for host, _ in nodes):
        raise ValueError("a cluster's URL looks like redis+cluster://host:6379,host:6379")
    credentials = parts.netloc[: -len(hosts)]
    plain = read_target(f"{parts.scheme.partition('+')[0]}://{credentials}localhost{parts.path}?{parts.query}")
    if plain.db:
        raise ValueError("a cluster has no databases but 0: leave the number out of its URL")
    return replace(plain, host=nodes[0][0], port=nodes[0][1], nodes=nodes)


def _host_and_port(entry: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{entry}")
    return parts.hostname or "", parts.port or port
