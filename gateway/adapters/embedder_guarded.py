"""What stands between a request and whatever embeds its question: no failure of an embedder becomes the request's.

Silence is a miss, and so is a vector of another length or of no direction. After `FAILURES` in a row the embedder is
left alone for a while, so that a stalled one does not delay every request.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from gateway.ports import Clock
from gateway.ports_semantic import Embedder

FAILURES: Final = 5
AWAY_S: Final = 30.0
WITHIN_S: Final = 0.02


class GuardedEmbedder:
    """Asks another embedder, whose vectors have `width` numbers."""

    def __init__(self, embedder: Embedder, width: int, clock: Clock, *, within_s: float = WITHIN_S) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._width = width
        self._clock = clock
        self._within_s = within_s
        self._in_a_row = 0
        self._away_until_s = 0.0
        self._counts = {"failures": 0, "left_alone": 0}

    async def embed(self, text: str) -> bytes | None:
        """Return the embedding, or None where there is none, or none to be had in time."""
        if self._in_a_row >= FAILURES:
            if self._clock.now_s() < self._away_until_s:
                self._counts["left_alone"] += 1
                return None
            # One question is a trial: another failure, and it is left alone again.
            self._in_a_row = FAILURES - 1
        try:
            async with asyncio.timeout(self._within_s):
                vector = await self._embedder.embed(text)
        except (TimeoutError, ValueError, ArithmeticError, RuntimeError, OSError):
            self._fail()
            return None
        if vector is None:
            return None
        if len(vector) != self._width or not any(vector):
            self._fail()
            return None
        self._in_a_row = 0
        return vector

    def stats(self) -> Mapping[str, int]:
        """Count failures, and questions for which it was not asked."""
        return self._counts

    def _fail(self) -> None:
        self._counts["failures"] += 1
        self._in_a_row += 1
        self._away_until_s = self._clock.now_s() + AWAY_S
