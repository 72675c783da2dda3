"""The semantic index that a server searches, for more questions than the workers would hold: none of them holds any.

What the server finds nearest is put in order here, by the exact cosines of the int8 vectors, so that a question is
judged by the same numbers wherever it was found. A search is one round trip, within the caller's time; in trouble it
finds nothing, and is counted. To write is behind the caller's back.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_link import RedisRefused, RedisUnavailable
from gateway.adapters.redis_write_behind import DEFAULT_WRITES, WriteBehind, WriteBehindSettings
from gateway.adapters.semantic_codec import EntryCodec
from gateway.adapters.semantic_rows import ScopeRows, is_over, unit_of
from gateway.adapters.semantic_search import KeptQuestion, VectorSearch
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class SearchedSettings:
    """A server that has said nothing for `timeout_s` is at fault; who asks waits no longer than it wants itself."""

    timeout_s: float = 0.1
    writes: WriteBehindSettings = field(default_factory=lambda: DEFAULT_WRITES)


def _tell_nobody() -> None:
    """Take no notice."""


class SearchedSemanticIndex:
    """Find questions by a server. The client is the caller's and stays open.

    `on_refused` is told when the server refuses a search: it may be another one, which cannot.
    """

    is_remote = True

    def __init__(
        self,
        client: RedisClient,
        clock: Clock,
        search: VectorSearch,
        settings: SearchedSettings | None = None,
        on_refused: Callable[[], None] = _tell_nobody,
    ) -> None:
        self._client = client
        self._clock = clock
        self._search = search
        self._settings = settings or SearchedSettings()
        self._on_refused = on_refused
        self._codec = EntryCodec(client)
        self._writes = WriteBehind(client, self._settings.writes)
        self._counts = {"searches": 0, "late": 0, "errors": 0}

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        """Return the nearest entries of the scope that the server finds in time, the nearest first."""
        unit = _unit(vector)
        if unit is None:
            return []
        self._counts["searches"] += 1
        try:
            # Whoever is in a hurry gives up by itself: a search that takes long is no sign of a server that is down.
            async with asyncio.timeout(max(0.0, within_s)):
                found = await self._search.find(scope, unit, count, self._settings.timeout_s)
        except TimeoutError:
            self._counts["late"] += 1
            return []
        except RedisUnavailable as error:
            self._counts["errors"] += 1
            if isinstance(error, RedisRefused):
                self._on_refused()
            return []
        return self._in_order(scope, found, vector, count)

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        """Keep an entry on the server soon. One that is too old takes the place of another all the same."""
        unit, wall_s = _unit(entry.vector), self._clock.wall_s()
        if self._client.is_open or unit is None:
            return
        if is_over(entry, wall_s):
            self.forget(scope, entry.answer)
            return
        over_at_s, stored = entry.stored_at_s + entry.ttl_s, self._codec.write(scope, entry)
        times_ms = (_ms(over_at_s), max(1, _ms(over_at_s - wall_s)), _ms(wall_s))
        question = KeptQuestion(entry.answer, unit, stored, *times_ms)
        self._writes.put(self._search.put(scope, question), len(unit) + len(stored))

    def forget(self, scope: SemanticScope, answer: str) -> None:
        """Take the entry with this answer from the server soon."""
        if self._client.is_open:
            return
        for command in self._search.forget(scope, answer):
            self._writes.put(command, 0)

    async def listen(self) -> None:
        """Return: what other workers put is where this one looks."""

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._writes.flush()

    def stats(self) -> Mapping[str, int | str]:
        """Count searches, and what went wrong. Nothing is held here."""
        held = {"scopes": 0, "entries": 0, "used_bytes": 0, "evicted": 0}
        return {"index": self._search.name, **held, **self._writes.stats(), **self._codec.counts, **self._counts}

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._writes.aclose()

    def _in_order(self, scope: SemanticScope, found: Sequence[bytes], vector: bytes, count: int) -> Sequence[Neighbour]:
        wall_s = self._clock.wall_s()
        rows = ScopeRows(len(vector))
        for stored in found:
            entry = self._codec.read(scope, stored)
            if entry is not None:
                rows.put(entry, wall_s)
        return rows.nearest(vector, count, wall_s)


def _unit(vector: bytes) -> bytes | None:
    """Return a vector as the server takes it: of length 1, in FP32. None for one without any length."""
    unit = unit_of(vector, len(vector))
    return None if unit is None else unit.astype("<f4").tobytes()


def _ms(seconds: float) -> int:
    return int(seconds * 1e3)
