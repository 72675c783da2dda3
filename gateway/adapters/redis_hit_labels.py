"""Labels of semantic hits, told to other workers every second and kept for those that start later.

    tg:{tag of the tenant}:hl:<digest of route and verifier>    a stream; each entry has the worker that tells ("w") and
                                                                one label ("l")

A worker takes in what was told before it knew a class, and from then on what others tell; its own labels it has. What
cannot be told is lost to the others: each has a threshold that its own labels keep.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.core.hit_proof import HitLabel
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.ports import Clock

LABELS_MAX: Final = 2_000
"""Twice as many as a proof remembers undiminished."""
_KEPT_S: Final = 30 * 86_400
_BEGINNING: Final = b"0-0"


@dataclass(frozen=True, slots=True)
class RedisHitLabelsSettings:
    """What one worker counts, others know within two polls."""

    poll_s: float = 1.0
    timeout_s: float = 0.25


class RedisHitLabels:
    """Tell and hear. The client is the caller's and stays open; `worker` is nobody else's name."""

    def __init__(
        self,
        client: RedisClient,
        proofs: HitProofs,
        *,
        worker: str,
        clock: Clock,
        settings: RedisHitLabelsSettings | None = None,
    ) -> None:
        self._client = client
        self._proofs = proofs
        self._worker = worker.encode()
        self._clock = clock
        self._settings = settings or RedisHitLabelsSettings()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(HitLabel).decode
        self._read_to: dict[HitClass, bytes] = {}
        self._counts = {"told": 0, "heard": 0, "errors": 0, "corrupt": 0}

    async def listen(self) -> None:
        """Tell and hear until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.poll_s)

    async def look(self) -> None:
        """Tell what is new here, then hear what is new elsewhere. Trouble is counted."""
        held = self._proofs.held
        self._read_to = {each: at for each, at in self._read_to.items() if each in held}
        try:
            for hit_class, label in self._proofs.take_unshared():
                await self._tell(hit_class, label)
            for hit_class in held:
                await self._hear(hit_class)
        except RedisUnavailable:
            self._counts["errors"] += 1

    def stats(self) -> Mapping[str, int]:
        """Count labels told and heard, and what went wrong."""
        return self._counts

    async def _tell(self, hit_class: HitClass, label: HitLabel) -> None:
        stream = _stream_of(hit_class)
        # One turn: both go out together.
        await asyncio.gather(
            self._call("XADD", stream, "MAXLEN", LABELS_MAX, "*", "w", self._worker, "l", self._encode(label)),
            self._call("EXPIRE", stream, _KEPT_S),
        )
        self._counts["told"] += 1

    async def _hear(self, hit_class: HitClass) -> None:
        since = self._read_to.get(hit_class, _BEGINNING)
        reply = await self._call("XRANGE", _stream_of(hit_class), b"(" + since, "+", "COUNT", LABELS_MAX)
        labels = []
        for at, worker, value in _entries(reply):
            since = at
            if worker == self._worker:
                continue
            try:
                labels.append(self._decode(value))
            except msgspec.DecodeError:
                self._counts["corrupt"] += 1
        self._read_to[hit_class] = since
        self._counts["heard"] += len(labels)
        self._proofs.merge(hit_class, labels, self._clock.wall_s())

    def _call(self, *command: bytes | str | int) -> "asyncio.Future[Reply]":
        return self._client.call(*command, timeout_s=self._settings.timeout_s)


def _stream_of(hit_class: HitClass) -> str:
    name = f"{hit_class.route}\0{hit_class.verifier}".encode()
    return f"{tenant_prefix(hit_class.tenant)}hl:{hashlib.blake2b(name, digest_size=12).hexdigest()}"


def _entries(reply: Reply) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield id, worker and value of the entries; what has other fields is none of ours."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [bytes() as at, [b"w", bytes() as worker, b"l", bytes() as value]]:
                yield at, worker, value
