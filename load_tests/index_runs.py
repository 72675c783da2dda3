"""Indexes of like questions, each filled and searched in a process of its own, as a worker does it."""

import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import Any, Final, Protocol

import numpy as np
import uvloop
from numpy.typing import NDArray

from gateway.adapters.clock import SystemClock
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_ft import SearchIndexes
from gateway.adapters.redis_searched import SearchedSemanticIndex, SearchedSettings
from gateway.adapters.redis_vset import VectorSets
from gateway.adapters.semantic_rows import ScopeRows
from gateway.adapters.semantic_search import VectorSearch
from gateway.domain.ids import TenantId
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from gateway.pipeline.semantic import NEAREST, WITHIN_S
from load_tests.tally import Spread, spread
from tests.support.redis_server import PATIENT_S, client_of, closing
from tests.support.search_server import running_search

WIDTH: Final = 128
"""Numbers of a vector, as the packaged difficulty model has them."""
_CROWD: Final = 20
"""Questions about one thing, which lie near to each other."""
_TEXT: Final = "What does the warranty of this appliance cover, and for how long? "
_BATCH: Final = 256
_TTL_S: Final = 3_600.0
_SEED: Final = 1
_SCOPE: Final = SemanticScope(TenantId("team"), "a1" * 32)
_USEARCH: Final = "usearch.index"

Numbers = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class IndexFound:
    """One index with so many questions of one scope. A put holds the worker so long, a search is waited for so long.

    `cpu_us` is what a search takes of the worker. `late` is the share of searches that a request would not have
    waited for, `right` the share that found the question they were made from. Bytes are above those without any.
    """

    kind: str
    questions: int
    put_us: Spread
    puts_per_s: float
    search_us: Spread
    cpu_us: int
    late: float
    right: float
    worker_bytes: int
    server_bytes: int


class _Index(Protocol):
    def put(self, entry: SemanticEntry) -> None: ...

    async def settle(self) -> None: ...

    async def nearest(self, vector: bytes) -> Sequence[Neighbour]: ...

    async def server_bytes(self) -> int: ...


class _InProcess:
    """The rows of a scope, without the bound that they have in a gateway."""

    def __init__(self) -> None:
        self._rows = ScopeRows(WIDTH, entries_max=10**9)
        self._clock = SystemClock()

    def put(self, entry: SemanticEntry) -> None:
        self._rows.put(entry, self._clock.wall_s())

    async def settle(self) -> None: ...

    async def nearest(self, vector: bytes) -> Sequence[Neighbour]:
        return self._rows.nearest(vector, NEAREST, self._clock.wall_s())

    async def server_bytes(self) -> int:
        return 0


class _Usearch(_InProcess):
    """usearch's graph of int8 vectors, and the exact cosines of what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self._graph: Any = importlib.import_module(_USEARCH).Index(ndim=WIDTH, metric="cos", dtype="i8")
        self._entries: list[SemanticEntry] = []

    def put(self, entry: SemanticEntry) -> None:
        self._graph.add(len(self._entries), np.frombuffer(entry.vector, np.int8), threads=1)
        self._entries.append(entry)

    async def nearest(self, vector: bytes) -> Sequence[Neighbour]:
        found = self._graph.search(np.frombuffer(vector, np.int8), NEAREST, threads=1)
        rows, wall_s = ScopeRows(WIDTH), self._clock.wall_s()
        for at in found.keys.tolist():
            rows.put(self._entries[at], wall_s)
        return rows.nearest(vector, NEAREST, wall_s)


class _OnAServer:
    def __init__(self, client: RedisClient, search: VectorSearch) -> None:
        self._client = client
        self._index = SearchedSemanticIndex(client, SystemClock(), search, SearchedSettings(timeout_s=PATIENT_S))

    def put(self, entry: SemanticEntry) -> None:
        self._index.put(_SCOPE, entry)

    async def settle(self) -> None:
        await self._index.flush()

    async def nearest(self, vector: bytes) -> Sequence[Neighbour]:
        return await self._index.nearest(_SCOPE, vector, NEAREST, PATIENT_S)

    async def server_bytes(self) -> int:
        told = await self._client.call("INFO", "memory", timeout_s=PATIENT_S)
        assert isinstance(told, bytes)
        return int(told.split(b"used_memory:")[1].split()[0])


_SERVERS: Final[dict[str, Callable[[RedisClient], VectorSearch]]] = {
    VectorSets.name.value: VectorSets,
    SearchIndexes.name.value: SearchIndexes,
}
KINDS: Final = ("process", "usearch", *_SERVERS)


def has_usearch() -> bool:
    """Tell whether usearch is installed, which nothing requires."""
    return importlib.util.find_spec("usearch") is not None


def measure(kind: str, sizes: Sequence[int], searches: int) -> list[IndexFound]:
    """Fill an index up to each of the sizes, and search it there."""
    return uvloop.run(_measure(kind, sorted(sizes), searches))


async def _measure(kind: str, sizes: Sequence[int], searches: int) -> list[IndexFound]:
    # They are made as they are put, so that what the worker holds of them is its index's.
    entries, asked = _entries(), _asked(sizes[0], searches)
    found = []
    async with _opened(kind) as index:
        await index.nearest(asked[0][1])
        empty_bytes, began_bytes, filled = await index.server_bytes(), _resident_bytes(), 0
        for size in sizes:
            began_s = perf_counter()
            puts_ns = await _fill(index, islice(entries, size - filled))
            puts_per_s = (size - filled) / (perf_counter() - began_s)
            worker_bytes = _resident_bytes() - began_bytes
            taken_ns, cpu_ns, right = await _search(index, asked)
            late = sum(each > WITHIN_S * 1e9 for each in taken_ns) / searches
            server_bytes = await index.server_bytes() - empty_bytes
            times = (_spread_us(puts_ns), puts_per_s, _spread_us(taken_ns), cpu_ns // searches // 1_000)
            found.append(IndexFound(kind, size, *times, late, right / searches, worker_bytes, server_bytes))
            filled = size
    return found


@asynccontextmanager
async def _opened(kind: str) -> AsyncIterator[_Index]:
    if kind not in _SERVERS:
        yield _Usearch() if kind == "usearch" else _InProcess()
        return
    with running_search() as server:
        async with closing(client_of(server)) as client:
            yield _OnAServer(client, _SERVERS[kind](client))


async def _fill(index: _Index, entries: Iterable[SemanticEntry]) -> list[int]:
    """Put entries one after the other; return how long each held the worker, in nanoseconds."""
    taken_ns = []
    for number, entry in enumerate(entries):
        began_ns = perf_counter_ns()
        index.put(entry)
        taken_ns.append(perf_counter_ns() - began_ns)
        if number % _BATCH == _BATCH - 1:
            await index.settle()
    await index.settle()
    return taken_ns


async def _search(index: _Index, asked: Sequence[tuple[str, bytes]]) -> tuple[list[int], int, int]:
    """Search one after the other; return how long each took, the worker's time for all, and how many were right."""
    taken_ns, right, began_cpu_ns = [], 0, process_time_ns()
    for answer, vector in asked:
        began_ns = perf_counter_ns()
        found = await index.nearest(vector)
        taken_ns.append(perf_counter_ns() - began_ns)
        right += bool(found) and found[0].entry.answer == answer
    return taken_ns, process_time_ns() - began_cpu_ns, right


def _entries() -> Iterator[SemanticEntry]:
    """Yield questions in crowds, drawn by a fixed seed, without end."""
    draws, now_s = np.random.default_rng(_SEED), SystemClock().wall_s()
    for crowd in count():
        centre = draws.standard_normal(WIDTH)
        for number in range(crowd * _CROWD, (crowd + 1) * _CROWD):
            vector = _int8(centre + 0.6 * draws.standard_normal(WIDTH)).tobytes()
            yield SemanticEntry(f"{number:064x}", f"{_TEXT}{number}", vector, now_s, _TTL_S)


def _asked(least: int, searches: int) -> list[tuple[str, bytes]]:
    """Return questions near to some that every size has, with the answers of those."""
    draws, entries, asked = np.random.default_rng(_SEED + 1), list(islice(_entries(), least)), []
    for number in draws.integers(0, least, searches).tolist():
        vector = np.frombuffer(entries[number].vector, np.int8) + 10.0 * draws.standard_normal(WIDTH)
        asked.append((entries[number].answer, _int8(vector).tobytes()))
    return asked


def _int8(numbers: NDArray[np.float64]) -> Numbers:
    scaled: Numbers = (numbers / np.abs(numbers).max() * 127).astype(np.int8)
    return scaled


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _spread_us(taken_ns: Sequence[int]) -> Spread:
    found = spread([each // 1_000 for each in taken_ns])
    assert found is not None, "there is at least one"
    return found
