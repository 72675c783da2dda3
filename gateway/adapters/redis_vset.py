"""Questions in the vector sets of a Redis of version 8, each scope in a set of its own.

    tg:{tag of the tenant}:qv:<scope>           the set: answers by the vectors of their questions, 8 bits a number
    tg:{tag of the tenant}:qva:<scope>          a sorted set of the same answers, by when they are over
    tg:{tag of the tenant}:q:<scope>:<answer>   a question, which expires

Elements of a vector set do not expire. They go when a search meets one whose question is gone, and behind each write
a few of those that are over; beyond the bound of a scope the oldest go. A set that Redis evicts costs hits.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument
from gateway.adapters.redis_script import RedisScript
from gateway.adapters.semantic_search import DEFAULT_BOUNDS, Bounds, KeptQuestion
from gateway.adapters.semantic_ways import ServerSearch
from gateway.domain.semantic import SemanticScope

_LOOKS_MAX: Final = 4
"""Where the nearest are gone, those behind them are looked for, and so on: questions of a scope often end together."""
_EFFORT: Final = 32
"""How many of a set a search keeps in view. Of 50,000 questions 10 are enough to find the nearest four. The server
would take 100, for twice the time that 32 take."""


class VectorSets:
    """Keep and find by VADD and VSIM."""

    name: Final = ServerSearch.VSET

    def __init__(self, client: RedisClient, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self._client = client
        self._bounds = bounds
        self._put = RedisScript("question_put")
        self._find = RedisScript("vset_find")

    async def find(self, scope: SemanticScope, vector: bytes, count: int, timeout_s: float) -> Sequence[bytes]:
        """Return what is stored nearest to a vector in a scope. Raises RedisUnavailable."""
        keys, arguments = (_set_of(scope), _answers_of(scope)), (vector, count, _prefix_of(scope), _LOOKS_MAX, _EFFORT)
        reply = await self._find.run(self._client, keys, arguments, timeout_s)
        return [stored for stored in reply if isinstance(stored, bytes)] if isinstance(reply, list) else []

    def put(self, scope: SemanticScope, question: KeptQuestion) -> tuple[Argument, ...]:
        """Return the command that keeps a question, in the place of one with the same answer."""
        keys = (_prefix_of(scope) + question.answer, _answers_of(scope), _set_of(scope))
        times = (question.over_at_ms, question.left_ms, question.wall_ms)
        bounds = (self._bounds.entries_max, self._bounds.swept_max)
        about = (_prefix_of(scope), question.answer, question.vector, question.stored, *times, *bounds)
        return self._put.whole(keys, about)

    def forget(self, scope: SemanticScope, answer: str) -> Iterable[tuple[Argument, ...]]:
        """Return the commands that take a question out."""
        yield ("UNLINK", _prefix_of(scope) + answer)
        yield ("VREM", _set_of(scope), answer)
        yield ("ZREM", _answers_of(scope), answer)


def _prefix_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}q:{scope.digest}:"


def _answers_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}qva:{scope.digest}"


def _set_of(scope: SemanticScope) -> str:
    return f"{tenant_prefix(scope.tenant)}qv:{scope.digest}"
