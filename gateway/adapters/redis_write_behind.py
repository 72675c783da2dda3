"""Writes that nobody waits for: bounded, in batches, the oldest lost first."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_link import Argument, RedisUnavailable

Command = tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class WriteBehindSettings:
    """Bounds of the queue and of a batch. A batch goes out in one turn; reads behind it wait for it, so it is small."""

    queue_max: int = 1_024
    queue_bytes_max: int = 16 * 1024 * 1024
    batch_max: int = 64
    batch_bytes_max: int = 512 * 1024
    timeout_s: float = 0.25
    close_s: float = 1.0
    """How long the rest may take when the process ends."""


DEFAULT_WRITES = WriteBehindSettings()


class WriteBehind:
    """Carry out commands behind the callers' backs. A failed write is lost and counted, never tried again."""

    def __init__(self, client: RedisClient, settings: WriteBehindSettings = DEFAULT_WRITES) -> None:
        self._client = client
        self._settings = settings
        self._queue: deque[tuple[Command, int]] = deque()
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._counts = {"written": 0, "dropped": 0, "lost": 0}

    def put(self, command: Command, size_bytes: int) -> None:
        """Queue the command; drop the oldest when there are too many."""
        self._queue.append((command, size_bytes))
        self._queued_bytes += size_bytes
        while len(self._queue) > self._settings.queue_max or self._queued_bytes > self._settings.queue_bytes_max:
            self._take()
            self._counts["dropped"] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain(), name="redis-write-behind")

    async def flush(self) -> None:
        """Wait until everything queued so far was written or lost."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def aclose(self) -> None:
        """Write what is left, within bounds."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=self._settings.close_s)
            self._task.cancel()
            await asyncio.wait([self._task])

    def stats(self) -> Mapping[str, int]:
        """Count writes: carried out, dropped from a full queue, lost to a failing Redis."""
        return {**self._counts, "queued": len(self._queue)}

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._take()]
            size_bytes = batch[0][1]
            while self._queue and len(batch) < self._settings.batch_max:
                size_bytes += self._queue[0][1]
                if size_bytes > self._settings.batch_bytes_max:
                    break
                batch.append(self._take())
            await self._write([command for command, _ in batch])

    async def _write(self, batch: list[Command]) -> None:
        calls = []
        for command in batch:
            try:
                calls.append(self._client.call(*command, timeout_s=self._settings.timeout_s))
            except RedisUnavailable:
                self._counts["lost"] += 1
        for reply in await asyncio.gather(*calls, return_exceptions=True):
            self._counts["lost" if isinstance(reply, RedisUnavailable) else "written"] += 1

    def _take(self) -> tuple[Command, int]:
        entry = self._queue.popleft()
        self._queued_bytes -= entry[1]
        return entry
