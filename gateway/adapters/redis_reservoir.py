"""The reservoir that workers and replicas share: each holds all labels, and hears of new ones within a second.

    tg:{tag of the tenant}:lb    a stream of the tenant's labels, trimmed to the newest
    tg:{labels}:tenants          the set of tenants that have any
    tg:{labels}:news             a stream of tenants' names, one entry for each label added

News is polled: a blocking read would hold up whatever else the connection carries.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, RedisUnavailable, Reply
from gateway.adapters.reservoir_index import ReservoirIndex, ReservoirSettings
from gateway.domain.ability import Correction, Score
from gateway.domain.feedback import Label
from gateway.domain.ids import TenantId
from gateway.domain.tier import Tier
from gateway.ports import StoreUnavailable

_TENANTS = "tg:{labels}:tenants"
_NEWS = "tg:{labels}:news"
_NEWS_MAX = 100_000
"""More labels than this between two polls would have to come for one to be overheard."""
_PAGE = 500
"""Entries read at once: some 300 kB."""
_BEGINNING = b"0-0"


@dataclass(frozen=True, slots=True)
class RedisReservoirSettings:
    """`ttl_s` after its last label, a tenant's labels are forgotten: half a year."""

    poll_s: float = 0.5
    timeout_s: float = 0.5
    ttl_s: int = 180 * 86_400
    bounds: ReservoirSettings = field(default_factory=ReservoirSettings)


class RedisReservoir:
    """Hold all labels here, and share new ones. The client is the caller's and stays open."""

    def __init__(self, client: RedisClient, settings: RedisReservoirSettings | None = None) -> None:
        self._client = client
        self._settings = settings or RedisReservoirSettings()
        self._index = ReservoirIndex(self._settings.bounds)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Label).decode
        self._news: bytes | None = None
        self._unread: set[bytes] = set()
        self._read_to: dict[bytes, bytes] = {}
        self._counts = {"errors": 0, "corrupt": 0}

    def corrections(
        self, tenant: TenantId, tiers: Sequence[Tier], score: Score, space: str, *, shared: bool
    ) -> tuple[Correction, ...]:
        """Return what labels near the score say of the tiers."""
        return self._index.corrections(tenant, tiers, score, space, shared=shared)

    async def add(self, label: Label) -> None:
        """Take a label in, once Redis has it. Raises StoreUnavailable."""
        if not label.has_position:
            return
        key, name = _key(label.tenant), label.tenant.encode()
        most, value = self._settings.bounds.per_tenant, self._encode(label)
        # One turn: the four go out together and in this order, so whoever hears the news finds the label.
        commands: tuple[tuple[Argument, ...], ...] = (
            ("XADD", key, "MAXLEN", most, "*", "l", value),
            ("EXPIRE", key, self._settings.ttl_s),
            ("SADD", _TENANTS, name),
            ("XADD", _NEWS, "MAXLEN", "~", _NEWS_MAX, "*", "t", name),
        )
        calls: list[asyncio.Future[Reply]] = []
        try:
            calls += [self._call(*command) for command in commands]
            await asyncio.gather(*calls)
        except RedisUnavailable as error:
            self._counts["errors"] += 1
            raise StoreUnavailable from error
        self._index.put(label)

    async def listen(self) -> None:
        """Look for news until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.poll_s)

    async def look(self) -> None:
        """Take in what is new; all there is, the first time. Trouble is counted, and the next look tries again."""
        try:
            self._unread |= await self._changed()
            for tenant in list(self._unread):
                await self._read(tenant)
                self._unread.discard(tenant)
        except RedisUnavailable:
            self._counts["errors"] += 1

    def stats(self) -> Mapping[str, int]:
        """Count what is held, and what went wrong."""
        return {**self._index.stats(), **self._counts}

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _changed(self) -> set[bytes]:
        """Return the tenants with labels that were not heard of yet."""
        if self._news is not None:
            entries = list(_entries(await self._call("XRANGE", _NEWS, b"(" + self._news, "+", "COUNT", _NEWS_MAX)))
            self._news = entries[-1][0] if entries else self._news
            return {value for _, value in entries}
        # The end of the news first, then the tenants: what is added in between is read twice, and none is missed.
        last = list(_entries(await self._call("XREVRANGE", _NEWS, "+", "-", "COUNT", 1)))
        tenants = await self._call("SMEMBERS", _TENANTS)
        self._news = last[0][0] if last else _BEGINNING
        return {each for each in tenants if isinstance(each, bytes)} if isinstance(tenants, list) else set()

    async def _read(self, tenant: bytes) -> None:
        """Take in the labels of a tenant that were not read yet."""
        key = _key(TenantId(tenant.decode("utf-8", "replace")))
        while True:
            since = self._read_to.get(tenant, _BEGINNING)
            entries = list(_entries(await self._call("XRANGE", key, b"(" + since, "+", "COUNT", _PAGE)))
            for at, value in entries:
                self._take(tenant, value)
                self._read_to[tenant] = at
            if len(entries) < _PAGE:
                return

    def _take(self, tenant: bytes, value: bytes) -> None:
        try:
            label = self._decode(value)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return
        if label.tenant.encode() != tenant:
            self._counts["corrupt"] += 1
            return
        self._index.put(label)

    def _call(self, *command: Argument) -> "asyncio.Future[Reply]":
        return self._client.call(*command, timeout_s=self._settings.timeout_s)


def _key(tenant: TenantId) -> str:
    return f"{tenant_prefix(tenant)}lb"


def _entries(reply: Reply) -> Iterator[tuple[bytes, bytes]]:
    """Yield id and value of a stream's entries, each of which has one field."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [bytes() as at, [_, bytes() as value]]:
                yield at, value
