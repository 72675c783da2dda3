"""Settlements which Redis did not take at first: tried again behind the requests' backs until it does."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.adapters.redis_link import RedisUnavailable
from gateway.domain.ledger import Settlement
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class SettleRetrySettings:
    """Waits between rounds grow from `wait_s` to `wait_s_max`.

    `age_s_max` must stay below the time for which the ledger remembers a settled request: a later repetition would post
    a second time.
    """

    queue_max: int = 10_000
    wait_s: float = 0.1
    wait_s_max: float = 5.0
    age_s_max: float = 600.0
    batch_max: int = 64
    close_s: float = 1.0


class SettleRetries:
    """Repeat settlements in order. What is given up (too old, or left at the end) is counted as lost."""

    def __init__(
        self,
        settle: Callable[[Settlement], Awaitable[None]],
        *,
        clock: Clock,
        chance: Callable[[], float],
        settings: SettleRetrySettings,
    ) -> None:
        self._settle = settle
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._queue: deque[tuple[Settlement, float]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._counts = {"settles_retried": 0, "settles_lost": 0}

    def put(self, settlement: Settlement) -> bool:
        """Take the settlement over; return False when the queue is full and it was not taken."""
        if len(self._queue) >= self._settings.queue_max or self._closing.is_set():
            self._counts["settles_lost"] += 1
            return False
        self._queue.append((settlement, self._clock.now_s()))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._repeat(), name="redis-settles")
        return True

    async def aclose(self) -> None:
        """Try what is left once more, within `close_s`."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=self._settings.close_s)
            self._task.cancel()
            await asyncio.wait([self._task])
        self._counts["settles_lost"] += len(self._queue)
        self._queue.clear()

    def stats(self) -> Mapping[str, int]:
        """Count settlements: taken by a later attempt, given up, still waiting."""
        return {**self._counts, "settles_waiting": len(self._queue)}

    async def _repeat(self) -> None:
        wait_s = self._settings.wait_s
        while self._queue:
            is_last_round = self._closing.is_set()
            if await self._round():
                wait_s = self._settings.wait_s
                continue
            if is_last_round:
                return
            await self._pause(wait_s * (0.5 + 0.5 * self._chance()))
            wait_s = min(self._settings.wait_s_max, wait_s * 2.0)

    async def _round(self) -> bool:
        """Try the oldest settlements; return whether all of them were taken."""
        self._forget_old()
        batch = [self._queue[i] for i in range(min(len(self._queue), self._settings.batch_max))]
        taken = await asyncio.gather(*(self._try(settlement) for settlement, _ in batch))
        for _ in batch:
            self._queue.popleft()
        self._queue.extendleft(
            entry for entry, is_taken in zip(reversed(batch), reversed(taken), strict=True) if not is_taken
        )
        self._counts["settles_retried"] += sum(taken)
        return all(taken)

    async def _try(self, settlement: Settlement) -> bool:
        try:
            await self._settle(settlement)
        except RedisUnavailable:
            return False
        return True

    def _forget_old(self) -> None:
        oldest_s = self._clock.now_s() - self._settings.age_s_max
        while self._queue and self._queue[0][1] < oldest_s:
            self._queue.popleft()
            self._counts["settles_lost"] += 1

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._closing.wait()
        except TimeoutError:
            return
