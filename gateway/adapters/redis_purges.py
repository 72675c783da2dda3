"""The purges that workers share: each knows within a twentieth of a second what was purged, or knows that it does not.

    tg:{purges}:last        the number of the last purge of all
    tg:{purges}:tenants     a hash: the number of each tenant's last purge
    tg:{purges}:of:TAG      a hash of the tenant's marks

All under one hash tag, so that a purge is noted in one step or not at all. None of them ever expires: under a policy
of eviction that touches only what may expire, none is lost. Whether there is news is polled on the connection that is
there already; as long as the last look is young enough, what is known here holds, and nobody needs to ask. Where it is
not (Redis is away, or this process stood still), whoever needs to know asks along with what it asks Redis anyway.

What is known here is never given up: a Redis that lost its data, or fell back to a replica that had not heard, makes no
purged answer valid again for a worker that had.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_tag
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.adapters.redis_script import RedisScript
from gateway.core.purges import ALL, ENTRIES_MAX, Mark, PurgeMarks, mark_name
from gateway.domain.ids import TenantId
from gateway.domain.purge import Selection
from gateway.ports import Clock, StoreUnavailable

_LAST = "tg:{purges}:last"
_TENANTS = "tg:{purges}:tenants"


@dataclass(frozen=True, slots=True)
class RedisPurgesSettings:
    """`poll_s` apart it is asked for news, and `lag_s` after the last look what is known here no longer holds."""

    poll_s: float = 0.04
    lag_s: float = 0.2
    timeout_s: float = 0.1
    note_timeout_s: float = 1.0


DEFAULT_PURGES = RedisPurgesSettings()


class RedisPurges:
    """Know what was purged, and note more. The client is the caller's and stays open."""

    def __init__(
        self,
        client: RedisClient,
        clock: Clock,
        settings: RedisPurgesSettings,
        *,
        on_purged: Callable[[TenantId, Sequence[str]], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings
        self._on_purged = on_purged
        self._script = RedisScript("purge")
        self._known: dict[TenantId, PurgeMarks] = {}
        self._loaded: set[TenantId] = set()
        self._due: dict[TenantId, int] = {}
        self._last: Reply = None
        self._looked_s = -inf
        self._counts = {"purges_heard": 0, "purge_looks_failed": 0}

    def marks(self, tenant: TenantId) -> PurgeMarks:
        """Return what is known of a tenant's purges; see `holds`."""
        known = self._known.get(tenant)
        if known is None:
            known = self._known[tenant] = PurgeMarks()
        return known

    def holds(self, tenant: TenantId, now_s: float) -> bool:
        """Tell whether what is known here of the tenant's purges is all there is, but for the last `lag_s`."""
        return tenant in self._loaded and now_s - self._looked_s <= self._settings.lag_s

    def ask(self, tenant: TenantId, timeout_s: float) -> "asyncio.Future[Reply]":
        """Ask Redis for a tenant's marks, with whatever else is asked this turn. Raises RedisUnavailable."""
        return self._client.call("HGETALL", _of(tenant), timeout_s=timeout_s)

    def learn(self, tenant: TenantId, reply: Reply) -> tuple[str, ...]:
        """Take in the answer to `ask`, and name the marks that are new."""
        known, due = self.marks(tenant), self._due.get(tenant, 0)
        new = known.learn(_read_marks(reply))
        if known.number < due:
            # There was a purge of which no mark is left: Redis was made to forget it. Everything is void, to be safe.
            new += known.learn({ALL: Mark(due)})
        self._loaded.add(tenant)
        return new

    async def note(self, selection: Selection) -> None:
        """Note a purge for all workers. Raises StoreUnavailable: it was not noted, or nobody knows whether it was."""
        tenant, until_s = selection.tenant, selection.until_s
        least = max(self.marks(tenant).number + 1, int(self._clock.wall_s() * 1e3))
        about = (tenant, mark_name(selection), "" if until_s is None else repr(until_s), least, ALL, ENTRIES_MAX)
        try:
            await self._script.run(self._client, (_LAST, _TENANTS, _of(tenant)), about, self._settings.note_timeout_s)
            self._loaded.discard(tenant)
            self._on_purged(tenant, self.learn(tenant, await self.ask(tenant, self._settings.note_timeout_s)))
        except RedisUnavailable as error:
            raise StoreUnavailable from error

    async def listen(self) -> None:
        """Look for news until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.poll_s)

    async def look(self) -> None:
        """Take in what is new. Trouble is counted; what is known here then ceases to hold by itself."""
        began_s = self._clock.now_s()
        try:
            last = await self._client.call("GETRANGE", _LAST, 0, 31, timeout_s=self._settings.timeout_s)
            if last != self._last:
                await self._hear()
                self._last = last
            self._looked_s = began_s
        except RedisUnavailable:
            self._counts["purge_looks_failed"] += 1

    def stats(self) -> Mapping[str, int]:
        """Count purges heard of, and looks for them that failed."""
        return self._counts

    async def _hear(self) -> None:
        """Find out whose answers were purged, and of whoever is known here, which."""
        told = _pairs(await self._client.call("HGETALL", _TENANTS, timeout_s=self._settings.timeout_s))
        self._due = {TenantId(tenant): int(number) for tenant, number in told.items() if number.isdecimal()}
        changed = [tenant for tenant in self._loaded if self._due.get(tenant, 0) > self.marks(tenant).number]
        self._loaded.difference_update(changed)
        for tenant in changed:
            self._on_purged(tenant, self.learn(tenant, await self.ask(tenant, self._settings.timeout_s)))
            self._counts["purges_heard"] += 1


def _of(tenant: TenantId) -> str:
    return f"tg:{{purges}}:of:{tenant_tag(tenant)}"


def _read_marks(reply: Reply) -> dict[str, Mark]:
    """Read a tenant's marks. What is none of ours is passed over, and then missed; see `learn`."""
    marks = {}
    for name, value in _pairs(reply).items():
        number, _, until_s = value.partition(" ")
        if number.isdecimal():
            marks[name] = Mark(int(number), _seconds(until_s))
    return marks


def _seconds(text: str) -> float:
    """Read until when answers are purged; whenever, where that cannot be read."""
    try:
        return float(text)
    except ValueError:
        return inf


def _pairs(reply: Reply) -> dict[str, str]:
    """Read a hash."""
    found = reply if isinstance(reply, list) else ()
    texts = [each.decode("utf-8", "replace") for each in found if isinstance(each, bytes)]
    return dict(zip(texts[::2], texts[1::2], strict=False))
