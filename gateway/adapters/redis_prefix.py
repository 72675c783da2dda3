"""What workers and replicas know of prompts' beginnings, told to each other four times a second, off every path.

    tg:{prefix}:blocks     a stream; each entry has the worker ("w") and the blocks that it sent servers ("b")
    tg:{prefix}:pending    a stream; each entry has the worker ("w") and its tokens that wait at servers ("p")

The index that answers is each worker's own. A stream is what it is told by, and all that a worker needs which begins,
or was cut off for a while: it reads what is still there, a page at a time. Old entries go by number and by age. Nothing
is waited for: while Redis is away every worker goes by what it sent itself.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.core.prefix_share import PrefixShare, Told
from gateway.ports import Clock

BLOCKS: Final = "tg:{prefix}:blocks"
PENDING: Final = "tg:{prefix}:pending"
BLOCK_BYTES: Final = 8
"""Of a block's name. They are written one behind the other."""
_BLOCK_ENTRIES_MAX: Final = 8_192
"""A busy worker's entry has a few hundred bytes, and 8 kB at the most: 64 MB in all."""
_PENDING_ENTRIES_MAX: Final = 2_048
"""Two hundred workers for two seconds."""
_KEPT_S: Final = 900
"""As long as an index believes in a block."""
_PENDING_KEPT_S: Final = 60
_PAGE: Final = 256
"""Entries taken in at once: some milliseconds of work at most."""
_BEGINNING: Final = b"0-0"
_Blocks = dict[bytes, bytes]
_Pending = dict[bytes, int]


@dataclass(frozen=True, slots=True)
class RedisPrefixSettings:
    """What one worker tells, others know within two polls."""

    poll_s: float = 0.25
    timeout_s: float = 0.25


class RedisPrefixNews:
    """Tell and hear. The client is the caller's and stays open; `worker` is nobody else's name."""

    def __init__(
        self,
        client: RedisClient,
        share: PrefixShare,
        *,
        worker: str,
        clock: Clock,
        settings: RedisPrefixSettings | None = None,
    ) -> None:
        self._client = client
        self._share = share
        self._worker = worker.encode()
        self._clock = clock
        self._settings = settings or RedisPrefixSettings()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode_blocks = msgspec.msgpack.Decoder(_Blocks).decode
        self._decode_pending = msgspec.msgpack.Decoder(_Pending).decode
        self._blocks_to: bytes = _BEGINNING
        self._pending_to: bytes | None = None
        self._counts = {"told": 0, "heard": 0, "errors": 0, "corrupt": 0}
        self._lag_s = 0.0

    async def listen(self) -> None:
        """Tell and hear until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.poll_s)

    async def look(self) -> None:
        """Tell what is new here, then hear what is new elsewhere. Trouble is counted."""
        told = self._share.tell()
        try:
            await self._tell(told)
            await self._hear_pending()
            # A worker that begins has much to catch up with, and requests to serve between two pages.
            while await self._hear_blocks():
                pass
        except RedisUnavailable:
            self._counts["errors"] += 1
        self._share.settle(self._clock.now_s())

    def stats(self) -> Mapping[str, int]:
        """Count entries told and heard, and what went wrong; `lag_ms` is how old the newest blocks heard were."""
        return {**self._counts, "lag_ms": round(self._lag_s * 1e3)}

    async def _tell(self, told: Told) -> None:
        calls = []
        if told.blocks:
            written = self._encode({mark: b"".join(blocks) for mark, blocks in told.blocks.items()})
            calls.append(
                self._call("XADD", BLOCKS, "MAXLEN", "~", _BLOCK_ENTRIES_MAX, "*", "w", self._worker, "b", written)
            )
            calls.append(self._call("EXPIRE", BLOCKS, _KEPT_S))
        if told.pending is not None:
            written = self._encode(told.pending)
            calls.append(
                self._call("XADD", PENDING, "MAXLEN", "~", _PENDING_ENTRIES_MAX, "*", "w", self._worker, "p", written)
            )
            calls.append(self._call("EXPIRE", PENDING, _PENDING_KEPT_S))
        if calls:
            # One turn: all go out together.
            await asyncio.gather(*calls)
            self._counts["told"] += 1

    async def _hear_blocks(self) -> bool:
        """Take in a page of what others sent to servers; tell whether there may be more."""
        now_s, oldest_ms = self._clock.now_s(), int((self._clock.wall_s() - _KEPT_S) * 1e3)
        entries = list(_entries(await self._range(BLOCKS, self._blocks_to), b"b"))
        for at, worker, value in entries:
            if worker != self._worker and _told_at_ms(at) > oldest_ms:
                self._take_blocks(value, now_s)
                self._lag_s = max(0.0, self._clock.wall_s() - _told_at_ms(at) / 1e3)
        if entries:
            self._blocks_to = entries[-1][0]
        return len(entries) == _PAGE

    async def _hear_pending(self) -> None:
        now_s = self._clock.now_s()
        if self._pending_to is None:
            newest = await self._call("XREVRANGE", PENDING, "+", "-", "COUNT", 1)
            self._pending_to = next((at for at, _, _ in _entries(newest, b"p")), _BEGINNING)
        entries = list(_entries(await self._range(PENDING, self._pending_to), b"p"))
        for at, worker, value in entries:
            self._pending_to = at
            if worker != self._worker:
                try:
                    pending = self._decode_pending(value)
                except msgspec.DecodeError:
                    self._counts["corrupt"] += 1
                    continue
                self._share.hear_pending(worker.decode(errors="replace"), pending, now_s)
                self._counts["heard"] += 1

    def _take_blocks(self, value: bytes, now_s: float) -> None:
        try:
            written = self._decode_blocks(value)
        except msgspec.DecodeError:
            self._counts["corrupt"] += 1
            return
        blocks = {
            mark: [joined[at : at + BLOCK_BYTES] for at in range(0, len(joined), BLOCK_BYTES)]
            for mark, joined in written.items()
        }
        self._share.hear_blocks(blocks, now_s)
        self._counts["heard"] += 1

    def _range(self, stream: str, read_to: bytes) -> "asyncio.Future[Reply]":
        return self._call("XRANGE", stream, b"(" + read_to, "+", "COUNT", _PAGE)

    def _call(self, *command: bytes | str | int) -> "asyncio.Future[Reply]":
        return self._client.call(*command, timeout_s=self._settings.timeout_s)


def _told_at_ms(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _entries(reply: Reply, field: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield id, worker and value of the entries; what has other fields is none of ours."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [bytes() as at, [b"w", bytes() as worker, bytes() as name, bytes() as value]] if name == field:
                yield at, worker, value
