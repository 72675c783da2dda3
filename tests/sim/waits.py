"""How long each request waited for its stores. A request's task has its number in its name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.flight import Claim
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.ports import CacheStore, ConversationStore

TASK_PREFIX = "request "
"""Begins the name of the task in which a request is served; its number follows."""


@dataclass(slots=True)
class Waits:
    """From when to when requests waited, by their numbers. Times are the loop's."""

    spans_s: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure what the request of this task waits for."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        began_s = loop.time()
        try:
            yield
        finally:
            assert task is not None
            number = int(task.get_name().removeprefix(TASK_PREFIX))
            self.spans_s.setdefault(number, []).append((began_s, loop.time()))

    def of(self, number: int) -> list[tuple[float, float]]:
        """Return the waits of a request."""
        return self.spans_s.get(number, [])


class WatchedCache:
    """A cache whose waits are measured."""

    def __init__(self, cache: CacheStore, waits: Waits) -> None:
        self._cache = cache
        self._waits = waits
        self.put = cache.put
        self.release = cache.release
        self.watch = cache.watch
        self.purge_number = cache.purge_number
        self.purge = cache.purge
        self.was_purged = cache.was_purged
        self.count = cache.count
        self.listen = cache.listen
        self.stats = cache.stats
        self.aclose = cache.aclose

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return the answer kept under the key."""
        with self._waits.measured():
            return await self._cache.get(key)

    async def claim(self, key: ExactKey, within_s: float) -> Claim:
        """Return the answer kept under the key, or who asks for it."""
        with self._waits.measured():
            return await self._cache.claim(key, within_s)


class WatchedConversations:
    """A store of conversations whose waits are measured."""

    def __init__(self, conversations: ConversationStore, waits: Waits) -> None:
        self._conversations = conversations
        self._waits = waits
        self.put = conversations.put
        self.aclose = conversations.aclose

    async def get(self, key: ConversationKey) -> Standing | None:
        """Return where the conversation stands."""
        with self._waits.measured():
            return await self._conversations.get(key)
