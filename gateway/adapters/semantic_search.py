"""What a server that finds vectors is asked: one kind of it is in `redis_vset.py`, another in `redis_ft.py`."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.adapters.redis_link import Argument
from gateway.domain.noun import noun
from gateway.domain.semantic import SemanticScope


@noun
class Bounds:
    """What one scope may hold on a server, and how many questions that are over one write takes out at most."""

    entries_max: int = 100_000
    swept_max: int = 16


DEFAULT_BOUNDS = Bounds()


@noun
class KeptQuestion:
    """A question as a server is to keep it: its vector of length 1, as FP32, and what comes back when it is found.

    It is over at `over_at_ms` since the epoch, `left_ms` after the present `wall_ms`.
    """

    answer: str
    vector: bytes
    stored: bytes
    over_at_ms: int
    left_ms: int
    wall_ms: int


class VectorSearch(Protocol):
    """Speaks to one kind of server. Whatever belongs to a tenant carries its hash tag, so it lies in one slot."""

    @property
    def name(self) -> str:
        """Name the kind."""

    async def find(self, scope: SemanticScope, vector: bytes, count: int, timeout_s: float) -> Sequence[bytes]:
        """Return what is stored nearest to a vector in a scope. Raises RedisUnavailable."""

    def put(self, scope: SemanticScope, question: KeptQuestion) -> tuple[Argument, ...]:
        """Return the command that keeps a question, in the place of one with the same answer."""

    def forget(self, scope: SemanticScope, answer: str) -> Iterable[tuple[Argument, ...]]:
        """Return the commands that take a question out."""
