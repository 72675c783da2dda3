"""Questions in the index of a server with RediSearch or valkey-search, each tenant's in an index of its own.

    tg:{tag of the tenant}:qi<width>             the index: of vectors of so many numbers, and of scopes
    tg:{tag of the tenant}:qf:<scope>:<answer>   a question, which expires, and with it what the index holds of it
    tg:{tag of the tenant}:qfa:<scope>           a sorted set of the scope's answers, by when they are over

An index of its own for each scope, of which every conversation is one, would take a megabyte of the server each. So a
search names its scope, and whatever comes back is looked at for tenant and scope like all that is read from Redis.

The index is made when the first search in it is refused: a question is always asked before its answer is kept. It is
made again where it is gone, from the questions that are there.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, RedisRefused, RedisUnavailable, Reply
from gateway.adapters.redis_script import RedisScript
from gateway.adapters.semantic_search import DEFAULT_BOUNDS, Bounds, KeptQuestion
from gateway.adapters.semantic_ways import ServerSearch
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticScope

_FP32_BYTES: Final = 4
_NO_INDEX: Final = ("no such index", "unknown index", "not found")
"""As RediSearch says it, as it said it before, and as valkey-search and Redis 8 say it."""


class SearchIndexes:
    """Keep in hashes, and find by FT.SEARCH."""

    name: Final = ServerSearch.FT

    def __init__(self, client: RedisClient, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self._client = client
        self._bounds = bounds
        self._put = RedisScript("question_put")

    async def find(self, scope: SemanticScope, vector: bytes, count: int, timeout_s: float) -> Sequence[bytes]:
        """Return what is stored nearest to a vector in a scope. Raises RedisUnavailable."""
        index = _index_of(scope.tenant, _width(vector))
        asked = f"(@s:{{{scope.digest}}})=>[KNN {count} @{_field_of(_width(vector))} $near]"
        shape = ("PARAMS", 2, "near", vector, "RETURN", 1, "e", "LIMIT", 0, count)
        within = ("TIMEOUT", int(timeout_s * 1e3), "DIALECT", 2)
        try:
            reply = await self._client.call("FT.SEARCH", index, asked, *shape, *within, timeout_s=timeout_s)
        except RedisRefused as refusal:
            if not any(said in str(refusal).lower() for said in _NO_INDEX):
                raise
            self._make(scope.tenant, _width(vector), timeout_s)
            return []
        return list(_stored(reply))

    def put(self, scope: SemanticScope, question: KeptQuestion) -> tuple[Argument, ...]:
        """Return the command that keeps a question, in the place of one with the same answer."""
        times = (question.over_at_ms, question.left_ms, question.wall_ms)
        bounds = (self._bounds.entries_max, self._bounds.swept_max)
        place = (scope.digest, _field_of(_width(question.vector)))
        about = (_prefix_of(scope), question.answer, question.vector, question.stored, *times, *bounds, *place)
        return self._put.whole((_prefix_of(scope) + question.answer, _answers_of(scope)), about)

    def forget(self, scope: SemanticScope, answer: str) -> Iterable[tuple[Argument, ...]]:
        """Return the commands that take a question out."""
        yield ("UNLINK", _prefix_of(scope) + answer)
        yield ("ZREM", _answers_of(scope), answer)

    def _make(self, tenant: TenantId, width: int, timeout_s: float) -> None:
        """Make the tenant's index behind the caller's back; another worker may have been quicker."""
        what = ("FT.CREATE", _index_of(tenant, width), "ON", "HASH", "PREFIX", 1, f"{tenant_prefix(tenant)}qf:")
        numbers = ("TYPE", "FLOAT32", "DIM", width, "DISTANCE_METRIC", "COSINE")
        schema = ("SCHEMA", "s", "TAG", _field_of(width), "VECTOR", "HNSW", len(numbers), *numbers)
        with suppress(RedisUnavailable):
            self._client.call(*what, *schema, timeout_s=timeout_s).add_done_callback(_heard)


def _heard(made: "asyncio.Future[Reply]") -> None:
    """Take note of an answer that says nothing: whether there is an index, the next search tells."""
    made.exception()


def _width(vector: bytes) -> int:
    return len(vector) // _FP32_BYTES


def _field_of(width: int) -> str:
    return f"v{width}"


def _index_of(tenant: TenantId, width: int) -> str:
    return f"{tenant_prefix(tenant)}qi{width}"


def _prefix_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}qf:{scope.digest}:"


def _answers_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}qfa:{scope.digest}"


def _stored(reply: Reply) -> Iterator[bytes]:
    """Yield what was found: behind their number, keys and fields by turns. What has just expired has no fields."""
    for fields in reply[2::2] if isinstance(reply, list) else ():
        match fields:
            case [_, bytes() as stored]:
                yield stored
