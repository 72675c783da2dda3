"""One client that sends or reads as slowly as it can, and whether it was ended as the gateway's limits say."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import cast

ANSWER_KEPT_BYTES = 512
"""Of what a slow client is told, the status and the code are looked at."""
TAIL_BYTES = 64
"""The end of a stream, and of its last chunk, is no longer."""
EARLY_S = 0.01
"""Nothing counts as early by less: an event loop's clock stands still during a turn."""
_DONE = b"[DONE]"


class Kind(Enum):
    """What a slow client is slow at."""

    HEAD = "sends its headers a byte at a time"
    BODY = "sends its body a byte at a time"
    READER = "stops reading its stream"


@dataclass(frozen=True, slots=True)
class SlowTerms:
    """When each kind must have been ended, counted from its connecting, in seconds; and how slowly it sends."""

    limit_s: dict[Kind, float]
    slack_s: float = 5.0
    """A gateway sweeps its connections twice a second; the rest is for a machine that is busy with thousands of us."""
    byte_every_s: float = 1.0
    fills_within_s: float = 15.0
    """A reader's limit runs from when all buffers on its way are full, which takes a while where many come at once."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a client sends: at once, and then a byte at a time, again and again."""

    kind: Kind
    at_once: bytes
    trickle: bytes = b""


class SlowClient(asyncio.Protocol):
    """One connection until its end, made just before it connects. `ended` then holds what was wrong, or None."""

    def __init__(self, script: Script, terms: SlowTerms) -> None:
        self._script = script
        self._terms = terms
        self._limit_s = terms.limit_s[script.kind]
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sent = 0
        # A gateway accepts before we hear of it: its clock must not begin before ours.
        self._began_s = self._loop.time()
        self._heard_s: float | None = None
        self._heard = b""
        self._tail = b""
        self._fault: str | None = None
        self.ended: asyncio.Future[str | None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what is sent at once, and begin to trickle."""
        self._transport = cast(asyncio.Transport, transport)
        if self._script.at_once:
            self._transport.write(self._script.at_once)
        if self._script.trickle:
            self._trickle()
        self._expect_end(self._limit_s + 2 * self._terms.slack_s)

    def data_received(self, data: bytes) -> None:
        """Keep what is needed for the verdict. A reader has read enough with the first of it."""
        if self._heard_s is None:
            self._heard_s = self._loop.time()
            if self._script.kind is Kind.READER and self._transport is not None:
                self._transport.pause_reading()
                self._timers.pop("overdue").cancel()
                full_s = self._terms.fills_within_s
                self._timers["read on"] = self._loop.call_later(full_s + self._limit_s, self._read_on)
        if len(self._heard) < ANSWER_KEPT_BYTES:
            self._heard += data[:ANSWER_KEPT_BYTES]
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        if _DONE in self._tail and self._transport is not None:
            self._fault = "was not cut off: its stream went on to its end"
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Judge the end."""
        for timer in self._timers.values():
            timer.cancel()
        self._transport = None
        if not self.ended.done():
            self.ended.set_result(self._fault or self._verdict())

    def _trickle(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        trickle = self._script.trickle
        self._transport.write(trickle[self._sent % len(trickle)].to_bytes())
        self._sent += 1
        self._timers["trickle"] = self._loop.call_later(self._terms.byte_every_s, self._trickle)

    def _expect_end(self, within_s: float) -> None:
        self._timers["overdue"] = self._loop.call_later(within_s, self._give_up)

    def _read_on(self) -> None:
        # What the gateway's kernel had taken still comes; behind it lies the end, or, if nobody cut it, the stream.
        if self._transport is not None:
            self._transport.resume_reading()
            self._expect_end(2 * self._terms.slack_s)

    def _give_up(self) -> None:
        self._fault = f"was still open after {self._loop.time() - self._began_s:.1f} s"
        if self._transport is not None:
            self._transport.abort()

    def _verdict(self) -> str | None:
        status = self._heard.split(b" ", 2)[1:2]
        if self._script.kind is Kind.READER:
            return None if status == [b"200"] else f"was told {self._heard[:80]!r}"
        if self._heard_s is None:
            return f"was cut off without a word after {self._loop.time() - self._began_s:.1f} s"
        if status != [b"408"]:
            return f"was told {self._heard[:80]!r}"
        took_s = self._heard_s - self._began_s
        if -EARLY_S <= took_s - self._limit_s <= self._terms.slack_s:
            return None
        return f"was ended after {took_s:.1f} s instead of {self._limit_s:g} s"
