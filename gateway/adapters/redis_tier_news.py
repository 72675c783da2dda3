"""What workers and replicas see of tiers, told to each other every half second, off every request's path.

    tg:{tiers}:news    a stream; each entry has the name of the worker that tells ("w") and its counts ("c")

Only what is new is told, so a quiet worker writes nothing. What cannot be told is lost: counts that come late would
pass for fresh ones. While Redis is away every worker goes by what it sees itself.
"""

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.core.slo_window import WINDOW_S
from gateway.core.tier_slo import TierSlos
from gateway.domain.ids import TierName
from gateway.ports import Clock

_NEWS = "tg:{tiers}:news"
_ENTRIES_MAX = 8_192
"""Two hundred workers for twenty seconds; an entry has some 300 bytes."""
_KEPT_S = 60
_BEGINNING = b"0-0"
_Told = dict[str, dict[int, int]]


@dataclass(frozen=True, slots=True)
class RedisTierNewsSettings:
    """What one worker sees, others know within two polls."""

    poll_s: float = 0.5
    timeout_s: float = 0.25


class RedisTierNews:
    """Tell and hear. The client is the caller's and stays open; `worker` is nobody else's name."""

    def __init__(
        self,
        client: RedisClient,
        slos: TierSlos,
        *,
        known: Callable[[], Container[str]],
        worker: str,
        clock: Clock,
        settings: RedisTierNewsSettings | None = None,
    ) -> None:
        self._client = client
        self._slos = slos
        self._known = known
        self._worker = worker.encode()
        self._clock = clock
        self._settings = settings or RedisTierNewsSettings()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Told).decode
        self._read_to: bytes | None = None
        self._counts = {"told": 0, "heard": 0, "errors": 0, "corrupt": 0}

    async def listen(self) -> None:
        """Tell and hear until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.poll_s)

    async def look(self) -> None:
        """Tell what is new here, then hear what is new elsewhere; from the first look on. Trouble is counted."""
        told = self._slos.take_unshared()
        try:
            if told:
                await self._tell(told)
            await self._hear()
        except RedisUnavailable:
            self._counts["errors"] += 1

    def stats(self) -> Mapping[str, int]:
        """Count entries told and heard, and what went wrong."""
        return self._counts

    async def _tell(self, counts: Mapping[TierName, Mapping[int, int]]) -> None:
        value = self._encode(counts)
        # One turn: both go out together.
        await asyncio.gather(
            self._call("XADD", _NEWS, "MAXLEN", "~", _ENTRIES_MAX, "*", "w", self._worker, "c", value),
            self._call("EXPIRE", _NEWS, _KEPT_S),
        )
        self._counts["told"] += 1

    async def _hear(self) -> None:
        if self._read_to is None:
            last = list(_entries(await self._call("XREVRANGE", _NEWS, "+", "-", "COUNT", 1)))
            self._read_to = last[0][0] if last else _BEGINNING
            return
        entries = list(_entries(await self._call("XRANGE", _NEWS, b"(" + self._read_to, "+", "COUNT", _ENTRIES_MAX)))
        if not entries:
            return
        self._read_to, now_s = entries[-1][0], self._clock.now_s()
        # After a while without Redis there may be entries that no window holds any more.
        oldest_ms = _told_at_ms(self._read_to) - int(WINDOW_S * 1e3)
        for at, worker, value in entries:
            if worker != self._worker and _told_at_ms(at) > oldest_ms:
                self._take(value, now_s)

    def _take(self, value: bytes, now_s: float) -> None:
        try:
            told = self._decode(value)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return
        known = self._known()
        # Another policy may be in force elsewhere; of its tiers nothing is kept here.
        self._slos.merge({TierName(name): counts for name, counts in told.items() if name in known}, now_s)
        self._counts["heard"] += 1

    def _call(self, *command: bytes | str | int) -> "asyncio.Future[Reply]":
        return self._client.call(*command, timeout_s=self._settings.timeout_s)


def _told_at_ms(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _entries(reply: Reply) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield id, worker and value of the entries; what has other fields is none of ours."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [bytes() as at, [b"w", bytes() as worker, b"c", bytes() as value]]:
                yield at, worker, value
