"""The questions of all scopes in memory, each scope's apart, the least recently used scopes first out.

There is no matrix over scopes, and none over tenants: what is not in a question's own scope cannot be found by it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from gateway.adapters.semantic_rows import ENTRIES_MAX, ScopeRows
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope

BYTES_MAX: Final = 64 * 1024 * 1024
"""Some fifty thousand questions for a worker."""


class SemanticScopes:
    """Entries by scope, up to `bytes_max` in all and `entries_max` a scope. Times are seconds since the epoch.

    `on_evicted` is told of a scope that had to go for want of room.
    """

    def __init__(
        self,
        bytes_max: int = BYTES_MAX,
        entries_max: int = ENTRIES_MAX,
        on_evicted: Callable[[SemanticScope], None] | None = None,
    ) -> None:
        self._bytes_max = bytes_max
        self._entries_max = entries_max
        self._on_evicted = on_evicted
        self._scopes: OrderedDict[SemanticScope, ScopeRows] = OrderedDict()
        self._used_bytes = 0
        self._evicted = 0

    def put(self, scope: SemanticScope, entry: SemanticEntry, wall_s: float) -> None:
        """Take an entry in, at the cost of the least recently used scopes."""
        rows = self._scopes.get(scope)
        if rows is None:
            rows = self._scopes[scope] = ScopeRows(len(entry.vector), self._entries_max)
        self._scopes.move_to_end(scope)
        before = rows.used_bytes
        rows.put(entry, wall_s)
        self._used_bytes += rows.used_bytes - before
        while self._used_bytes > self._bytes_max and len(self._scopes) > 1:
            oldest = next(iter(self._scopes))
            self._evicted += len(self._scopes[oldest])
            self.drop_scope(oldest)
            if self._on_evicted is not None:
                self._on_evicted(oldest)

    def drop(self, scope: SemanticScope, answer: str) -> None:
        """Take an entry out, if it is here."""
        rows = self._scopes.get(scope)
        if rows is None:
            return
        before = rows.used_bytes
        rows.drop(answer)
        self._used_bytes += rows.used_bytes - before
        if not rows:
            del self._scopes[scope]

    def drop_scope(self, scope: SemanticScope) -> None:
        """Take all entries of a scope out."""
        rows = self._scopes.pop(scope, None)
        if rows is not None:
            self._used_bytes -= rows.used_bytes

    def clear(self) -> None:
        """Take everything out."""
        self._scopes.clear()
        self._used_bytes = 0

    def nearest(self, scope: SemanticScope, vector: bytes, count: int, wall_s: float) -> list[Neighbour]:
        """Return the nearest entries of the scope, the nearest first."""
        rows = self._scopes.get(scope)
        if rows is None:
            return []
        self._scopes.move_to_end(scope)
        before = rows.used_bytes
        found = rows.nearest(vector, count, wall_s)
        self._used_bytes += rows.used_bytes - before
        return found

    def stats(self) -> Mapping[str, int]:
        """Count what is held, and what had to go for want of room."""
        return {
            "scopes": len(self._scopes),
            "entries": sum(map(len, self._scopes.values())),
            "used_bytes": self._used_bytes,
            "evicted": self._evicted,
        }
