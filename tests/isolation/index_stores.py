"""The indexes of questions that a fuzz is played on: in memory, and of two workers on real servers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_ft import SearchIndexes
from gateway.adapters.redis_searched import SearchedSemanticIndex, SearchedSettings
from gateway.adapters.redis_semantic import RedisSemanticIndex, RedisSemanticSettings
from gateway.adapters.redis_vset import VectorSets
from gateway.adapters.semantic_search import VectorSearch
from gateway.ports_semantic import SemanticIndex
from tests.isolation.stores import listening
from tests.support.redis_server import PATIENT_S, MonotonicClock, client_of, running_redis
from tests.support.search_server import running_search

_WORKERS: Final = 2
_SEARCHES: Final[dict[str, Callable[[RedisClient], VectorSearch]]] = {
    "index by redis-vset": VectorSets,
    "index by redis-ft": SearchIndexes,
}
INDEX_KINDS: Final = ("index in memory", "index over redis", *_SEARCHES)
SEARCHED: Final = tuple(_SEARCHES)


@asynccontextmanager
async def opened_indexes(kind: str) -> AsyncIterator[Sequence[SemanticIndex]]:
    """Open the indexes of a kind."""
    if kind == INDEX_KINDS[0]:
        yield [MemorySemanticIndex(MonotonicClock())]
        return
    with running_search() if kind in _SEARCHES else running_redis() as server:
        clients = [client_of(server) for _ in range(_WORKERS)]
        indexes = [_index(kind, client) for client in clients]
        async with listening(indexes, clients):
            yield indexes


def _index(kind: str, client: RedisClient) -> SemanticIndex:
    """Make an index for which nothing fails for a busy machine."""
    clock = MonotonicClock()
    if kind in _SEARCHES:
        return SearchedSemanticIndex(client, clock, _SEARCHES[kind](client), SearchedSettings(timeout_s=PATIENT_S))
    return RedisSemanticIndex(client, clock, RedisSemanticSettings(poll_s=0.02, timeout_s=PATIENT_S))
