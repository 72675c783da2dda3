"""Caches of several workers that share one store in memory, and agree on who asks for what it does not have."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.redis_leases import watch
from gateway.domain.flight import Claim, Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.ports import Clock


@dataclass(slots=True)
class Agreed:
    """What the workers know together."""

    holders: dict[ExactKey, "SharedCache"] = field(default_factory=dict)
    landings: dict[ExactKey, asyncio.Future[Landing]] = field(default_factory=dict)
    answers: dict[ExactKey, CachedAnswer] = field(default_factory=dict)


class SharedCache(MemoryCache):
    """One worker's."""

    def __init__(self, clock: Clock, agreed: Agreed) -> None:
        super().__init__(clock)
        self.agreed = agreed

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return what any of them has put."""
        return self.agreed.answers.get(key)

    async def claim(self, key: ExactKey, within_s: float) -> Claim:
        """Return what is kept, or who asks."""
        answer = await self.get(key)
        if answer is not None:
            return Claim(answer, leads=True)
        return Claim(None, leads=self.agreed.holders.setdefault(key, self) is self)

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep it for all."""
        self.agreed.answers[key] = answer

    def release(self, key: ExactKey, ending: Ending) -> None:
        """Ask no more; tell whoever waits."""
        if self.agreed.holders.get(key) is self:
            del self.agreed.holders[key]
            waited_for = self.agreed.landings.pop(key, None)
            if waited_for is not None and not waited_for.done():
                is_kept = ending is Ending.KEPT
                waited_for.set_result(Landing(ending, self.agreed.answers[key] if is_kept else None))

    def watch(self, key: ExactKey, tell: Callable[[Landing], None]) -> Callable[[], object]:
        """Tell what the other one's request comes to."""
        return watch(self.landed(key), tell)

    async def landed(self, key: ExactKey) -> Landing:
        """Wait for what the other one asks for."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(self.agreed.landings.setdefault(key, loop.create_future()))
