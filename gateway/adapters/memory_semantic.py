"""The semantic index of one process."""

from collections.abc import Mapping, Sequence

from gateway.adapters.semantic_scopes import BYTES_MAX, SemanticScopes
from gateway.adapters.semantic_ways import IN_PROCESS
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from gateway.ports import Clock


class MemorySemanticIndex:
    """Keep questions in memory."""

    is_remote = False

    def __init__(self, clock: Clock, *, bytes_max: int = BYTES_MAX) -> None:
        self._clock = clock
        self._scopes = SemanticScopes(bytes_max)

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        """Return the nearest entries of the scope, the nearest first. Nothing is waited for."""
        return self._scopes.nearest(scope, vector, count, self._clock.wall_s())

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        """Keep an entry, in the place of one with the same answer."""
        self._scopes.put(scope, entry, self._clock.wall_s())

    def forget(self, scope: SemanticScope, answer: str) -> None:
        """Forget the entry with this answer."""
        self._scopes.drop(scope, answer)

    async def listen(self) -> None:
        """Return: there is nobody to listen to."""

    def stats(self) -> Mapping[str, int | str]:
        """Count what is held."""
        return {"index": IN_PROCESS, **self._scopes.stats()}

    async def aclose(self) -> None:
        """Nothing to close."""
