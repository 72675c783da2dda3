"""The semantic index that workers share, and search in memory: each holds the scopes it is asked about, Redis all.

    tg:{tag of the tenant}:s:<scope>    a stream of the scope's entries, trimmed to the newest, and of answers to forget
    tg:{tag of the tenant}:sn           a stream of the scopes' digests, one entry for each entry added there

No module is needed, and no request waits: a scope is read behind the first question in it, which is a miss, and so are
those until then. News is polled, as in `redis_reservoir.py`. What is missed in an outage of Redis is read again
afterwards. An answer that is forgotten late is served by nobody: it is gone from the exact cache.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, RedisUnavailable, Reply
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.adapters.semantic_codec import EntryCodec
from gateway.adapters.semantic_rows import ENTRIES_MAX
from gateway.adapters.semantic_scopes import BYTES_MAX, SemanticScopes
from gateway.adapters.semantic_ways import IN_PROCESS
from gateway.domain.ids import TenantId
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from gateway.ports import Clock

_NEWS_MAX: Final = 10_000
"""Of a tenant between two polls; what is overheard costs hits."""
_PAGE: Final = 500
"""Entries read at once: some 200 kB, and 5 ms of this worker."""
_BEGINNING: Final = b"0-0"
_NEWS_KEPT_S: Final = 86_400
_LONGER_S: Final = 60
"""A scope's stream outlives its last entry, so that clocks may differ."""


@dataclass(frozen=True, slots=True)
class RedisSemanticSettings:
    """What one worker stores, others that hold its scope find within two polls. `scopes_max` are held at once."""

    poll_s: float = 0.25
    timeout_s: float = 0.25
    scopes_max: int = 2_048
    bytes_max: int = BYTES_MAX
    writes: WriteBehindSettings = field(default_factory=lambda: DEFAULT_WRITES)


class RedisSemanticIndex:
    """Share questions over workers. The client is the caller's and stays open."""

    is_remote = False

    def __init__(self, client: RedisClient, clock: Clock, settings: RedisSemanticSettings | None = None) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings or RedisSemanticSettings()
        self._scopes = SemanticScopes(self._settings.bytes_max, on_evicted=self._let_go)
        self._writes = WriteBehind(client, self._settings.writes)
        self._codec = EntryCodec(client)
        self._read_to: dict[SemanticScope, bytes] = {}
        self._unread: dict[SemanticScope, None] = {}
        self._news: dict[TenantId, bytes] = {}
        self._wanted = asyncio.Event()
        self._errors = 0

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        """Return the nearest entries of the scope that are known here; of one that was never asked about, none yet."""
        self._want(scope)
        return self._scopes.nearest(scope, vector, count, self._clock.wall_s())

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        """Keep an entry here at once and in Redis soon."""
        self._scopes.put(scope, entry, self._clock.wall_s())
        self._write(scope, entry)

    def forget(self, scope: SemanticScope, answer: str) -> None:
        """Forget the entry with this answer, here at once and elsewhere soon."""
        self._scopes.drop(scope, answer)
        self._write(scope, SemanticEntry(answer, "", b"", self._clock.wall_s(), 0.0))

    async def listen(self) -> None:
        """Look for what is new until cancelled, at once when a scope is wanted."""
        while True:
            await self.look()
            try:
                async with asyncio.timeout(self._settings.poll_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Read the scopes that are wanted, and what is new in those that are held. Trouble is counted."""
        self._wanted.clear()
        try:
            for tenant in list(self._news):
                await self._hear(tenant)
            while self._unread:
                scope = next(iter(self._unread))
                await self._read(scope)
                self._unread.pop(scope, None)
        except RedisUnavailable:
            self._errors += 1
            # News may be trimmed meanwhile, so all that is held is looked at again.
            self._unread.update(dict.fromkeys(self._read_to))

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def let_go(self) -> None:
        """Hold nothing any more; a scope that is asked about is read anew."""
        for held in (self._read_to, self._unread, self._news):
            held.clear()
        self._scopes.clear()

    def stats(self) -> Mapping[str, int | str]:
        """Count what is held, and what went wrong."""
        what_failed = {**self._codec.counts, "errors": self._errors}
        return {"index": IN_PROCESS, **self._scopes.stats(), **self._writes.stats(), **what_failed}

    def _want(self, scope: SemanticScope) -> None:
        read_to = self._read_to.pop(scope, None)
        if read_to is not None:
            # The most recently asked about stand last.
            self._read_to[scope] = read_to
            return
        if scope in self._unread:
            return
        if len(self._unread) >= self._settings.scopes_max:
            self._unread.pop(next(iter(self._unread)))
        self._unread[scope] = None
        self._news.setdefault(scope.tenant, b"")
        self._wanted.set()

    def _let_go(self, scope: SemanticScope) -> None:
        """Hold a scope no longer; the next question in it reads it anew."""
        self._read_to.pop(scope, None)
        self._unread.pop(scope, None)
        self._scopes.drop_scope(scope)

    def _write(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        if self._client.is_open:
            return
        value = self._codec.write(scope, entry)
        stream, news = _stream_of(scope), _news_of(scope.tenant)
        self._writes.put(("XADD", stream, "MAXLEN", "~", ENTRIES_MAX, "*", "e", value), len(value))
        if entry.ttl_s:
            self._writes.put(("EXPIRE", stream, int(entry.ttl_s) + _LONGER_S), 0)
        self._writes.put(("XADD", news, "MAXLEN", "~", _NEWS_MAX, "*", "s", scope.digest), 0)
        self._writes.put(("EXPIRE", news, _NEWS_KEPT_S), 0)

    async def _hear(self, tenant: TenantId) -> None:
        """Note which scopes of a tenant have changed; from the first look on."""
        since, news = self._news.get(tenant, b""), _news_of(tenant)
        if not since:
            last = list(_entries(await self._call("XREVRANGE", news, "+", "-", "COUNT", 1)))
            self._news[tenant] = last[0][0] if last else _BEGINNING
            return
        entries = list(_entries(await self._call("XRANGE", news, b"(" + since, "+", "COUNT", _NEWS_MAX)))
        if not entries:
            return
        self._news[tenant] = entries[-1][0]
        changed = {SemanticScope(tenant, digest.decode("ascii", "replace")) for _, digest in entries}
        self._unread.update(dict.fromkeys(changed & self._read_to.keys()))

    async def _read(self, scope: SemanticScope) -> None:
        """Take in the entries of a scope that were not read yet."""
        stream, since = _stream_of(scope), self._read_to.get(scope, _BEGINNING)
        while True:
            entries = list(_entries(await self._call("XRANGE", stream, b"(" + since, "+", "COUNT", _PAGE)))
            for at, value in entries:
                self._take(scope, value)
                since = at
            self._read_to[scope] = since
            if len(self._read_to) > self._settings.scopes_max:
                self._let_go(next(iter(self._read_to)))
            if len(entries) < _PAGE:
                return

    def _take(self, scope: SemanticScope, value: bytes) -> None:
        entry, wall_s = self._codec.read(scope, value), self._clock.wall_s()
        if entry is None:
            return
        if not entry.vector:
            self._scopes.drop(scope, entry.answer)
        elif abs(wall_s - entry.stored_at_s) < entry.ttl_s:
            self._scopes.put(scope, entry, wall_s)

    def _call(self, *command: Argument) -> "asyncio.Future[Reply]":
        return self._client.call(*command, timeout_s=self._settings.timeout_s)


def _stream_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}s:{scope.digest}"


def _news_of(tenant: TenantId) -> str:
    return f"{tenant_prefix(tenant)}sn"


def _entries(reply: Reply) -> Iterator[tuple[bytes, bytes]]:
    """Yield id and value of a stream's entries, each of which has one field."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [bytes() as at, [_, bytes() as value]]:
                yield at, value
