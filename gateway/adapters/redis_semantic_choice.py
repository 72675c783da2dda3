"""The semantic index that follows what the server can do: it searches where it can, and else each worker for itself.

What the server can do is asked when it is first spoken to, on each new connection (a successor may be another kind of
server), and when it refuses a search. Until it has said so, and wherever it cannot, the questions of a scope are held
here, as they are by default (`redis_semantic.py`). A change of ways costs hits and nothing else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_ft import SearchIndexes
from gateway.adapters.redis_link import RedisRefused, RedisUnavailable
from gateway.adapters.redis_searched import SearchedSemanticIndex, SearchedSettings
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.adapters.redis_vset import VectorSets
from gateway.adapters.semantic_search import VectorSearch
from gateway.adapters.semantic_ways import ServerSearch
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from gateway.ports import Clock

_COMMANDS: Final = {ServerSearch.VSET: "VSIM", ServerSearch.FT: "FT.SEARCH"}
_SEARCHES: Final[Mapping[ServerSearch, Callable[[RedisClient], VectorSearch]]] = {
    ServerSearch.VSET: VectorSets,
    ServerSearch.FT: SearchIndexes,
}

_MAY_NOT_ASK: Final = ("NOPERM", "ERR")
"""Codes of a server that will not say: its user may not, or the command goes by another name there."""


@dataclass(frozen=True, slots=True)
class ChoiceSettings:
    """`look_s` apart it is looked whether there is reason to ask the server again, which has `ask_s` to answer."""

    look_s: float = 1.0
    ask_s: float = 0.5
    local: RedisSemanticSettings = field(default_factory=RedisSemanticSettings)
    searched: SearchedSettings = field(default_factory=SearchedSettings)


async def offered(client: RedisClient, wanted: Sequence[ServerSearch], timeout_s: float) -> list[ServerSearch]:
    """Ask a server which of these it can do; none where its user may not ask. Raises RedisUnavailable."""
    if not wanted:
        return []
    try:
        reply = await client.call("COMMAND", "INFO", *(_COMMANDS[each] for each in wanted), timeout_s=timeout_s)
    except RedisRefused as refusal:
        if refusal.code not in _MAY_NOT_ASK:
            raise
        return []
    known = reply if isinstance(reply, list) else []
    return [each for each, told in zip(wanted, known, strict=False) if isinstance(told, list)]


class ChosenSemanticIndex:
    """Search by the first of the `wanted` ways that the server offers. The client is the caller's and stays open.

    `tell` is told the way that is taken from now on, None for this worker's own memory.
    """

    def __init__(
        self,
        client: RedisClient,
        clock: Clock,
        wanted: Sequence[ServerSearch],
        tell: Callable[[ServerSearch | None], None],
        settings: ChoiceSettings | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._wanted = wanted
        self._tell = tell
        self._settings = settings or ChoiceSettings()
        self._local = RedisSemanticIndex(client, clock, self._settings.local)
        self._searched: dict[ServerSearch, SearchedSemanticIndex] = {}
        self._way: ServerSearch | None = None
        self._asked_on: int | str | None = None
        self._is_told = False

    @property
    def is_remote(self) -> bool:
        """Tell whether the server searches at present."""
        return self._in_force.is_remote

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        """Return the nearest entries of the scope, the nearest first."""
        return await self._in_force.nearest(scope, vector, count, within_s)

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        """Keep an entry where it is looked for at present."""
        self._in_force.put(scope, entry)

    def forget(self, scope: SemanticScope, answer: str) -> None:
        """Forget the entry with this answer where it is looked for at present."""
        self._in_force.forget(scope, answer)

    async def listen(self) -> None:
        """Hear of other workers' questions, and look what the server can do, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._local.listen())
            group.create_task(self._look_on())

    async def look(self) -> None:
        """Ask the server what it can do, if there is reason to. While it is away, everything stays as it is."""
        connects = self._client.stats().get("connects", 0)
        if connects == self._asked_on:
            return
        try:
            found = await offered(self._client, self._wanted, self._settings.ask_s)
        except RedisUnavailable:
            return
        self._asked_on = self._client.stats().get("connects", 0)
        self._take(found[0] if found else None)

    async def flush(self) -> None:
        """Wait until everything put so far was written or lost."""
        await self._in_force.flush()

    def stats(self) -> Mapping[str, int | str]:
        """Count what is held or searched at present, and what went wrong."""
        return self._in_force.stats()

    async def aclose(self) -> None:
        """Write what is still queued, within bounds."""
        await self._local.aclose()
        for index in self._searched.values():
            await index.aclose()

    @property
    def _in_force(self) -> RedisSemanticIndex | SearchedSemanticIndex:
        return self._local if self._way is None else self._searched[self._way]

    def _take(self, way: ServerSearch | None) -> None:
        """Search in this way from now on."""
        if way is not None and way not in self._searched:
            search, settings = _SEARCHES[way](self._client), self._settings.searched
            self._searched[way] = SearchedSemanticIndex(self._client, self._clock, search, settings, self._doubt)
        if way != self._way or not self._is_told:
            self._way, self._is_told = way, True
            self._tell(way)
        if way is not None:
            self._local.let_go()

    def _doubt(self) -> None:
        """Ask again soon: the server refused a search, so it may be another one."""
        self._asked_on = None

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._settings.look_s)
