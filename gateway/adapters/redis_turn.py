"""All commands of one event-loop turn in one write, over one connection for each worker.

A call waits for its own time and no longer, from the end of the turn in which it is made, whatever becomes of the
connection: connecting, greeting and finding out that Redis is back happen behind the callers. Nothing is ever sent
twice, so a call that failed may or may not have been carried out.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.adapters.redis_breaker import BreakerSettings, RedisBreaker
from gateway.adapters.redis_link import Argument, Call, Link, RedisUnavailable, Reply, pack
from gateway.adapters.redis_target import RedisTarget, open_link
from gateway.ports import Clock

_LAST_LOOK_S = 0.001
"""uvloop's timers count whole milliseconds: the smallest delay after which the sockets have been polled again."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """`connect_s` bounds connecting and greeting, behind the callers' backs, so it may exceed any call's deadline."""

    connect_s: float = 0.5
    in_flight_max: int = 4_096
    """Calls sent or waiting to be; more are refused, since they would only time out."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)


def _tell_nobody(trouble: str | None) -> None:
    """Take no notice."""


class TurnClient:
    """Send commands to one Redis. Belongs to the loop it is first used on; `chance` gives numbers in [0, 1).

    `tell` is told the trouble when Redis is given up, and None when it is back.
    """

    def __init__(
        self,
        target: RedisTarget,
        *,
        clock: Clock,
        chance: Callable[[], float],
        settings: TurnSettings | None = None,
        tell: Callable[[str | None], None] = _tell_nobody,
    ) -> None:
        self._target = target
        self._clock = clock
        self._settings = settings or TurnSettings()
        self._breaker = RedisBreaker(self._settings.breaker, chance)
        self._tell = tell
        self._link: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._queued: list[Call] = []
        self._flush_is_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = math.inf
        self._trial: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._last_error = ""
        self._counts = {"calls": 0, "timeouts": 0, "failures": 0, "refused_while_open": 0, "connects": 0, "opens": 0}

    def call(self, *command: Argument, timeout_s: float) -> "asyncio.Future[Reply]":
        """Send the command with the others of this turn.

        Raises RedisUnavailable at once when Redis is known to be down. The future ends with the reply, RedisRefused
        (the server's error reply) or, at the latest `timeout_s` after this turn, RedisUnavailable.
        """
        self._refuse_if_useless()
        loop = asyncio.get_running_loop()
        self._counts["calls"] += 1
        call = Call(pack(command), loop.create_future(), timeout_s, self._clock.now_s())
        self._queued.append(call)
        if not self._flush_is_due:
            self._flush_is_due = True
            loop.call_soon(self._flush)
        if call.due_s < self._timer_due_s:
            self._set_timer(call.due_s)
        return call.future

    @property
    def is_open(self) -> bool:
        """Tell whether calls fail at once, because Redis did not answer several times in a row."""
        return self._breaker.is_open

    def distrust(self, reason: str) -> None:
        """Give up the connection, which answered with what was not asked for."""
        if self._link is not None:
            self.on_unusable(self._link, reason)

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened, and say how the connection stands."""
        state = "open" if self._breaker.is_open else "connected" if self._link is not None else "idle"
        return {**self._counts, "state": state, "last_error": self._last_error}

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
        self._is_closed = True
        for timer in (self._timer, self._trial):
            if timer is not None:
                timer.cancel()
        self._timer, self._trial = None, None
        connecting, link = self._connecting, self._link
        if connecting is not None:
            connecting.cancel()
            await asyncio.wait([connecting])
        self._fail_all("closed")
        if link is not None:
            await link.closed

    def on_answers(self, link: Link) -> None:
        """Take replies in time as a sign of health; those to a greeting are not, since it may have been refused."""
        if link is self._link:
            self._succeed()

    def on_unusable(self, link: Link, reason: str) -> None:
        """Give up a link whose server cannot serve us; the next call finds another."""
        if link is self._link:
            self._fail_all(reason)
            self._note_failure(reason)
        else:
            _fail(link, reason)
            link.abort()

    def on_lost(self, link: Link, reason: str) -> None:
        """Fail what waited on the link. An idle connection that ends is no failure."""
        had_work = _fail(link, reason)
        if link is self._link:
            self._link = None
            if had_work:
                self._note_failure(reason)

    def _refuse_if_useless(self) -> None:
        if self._is_closed:
            raise RedisUnavailable("the connection was closed by this process")
        if self._breaker.is_open:
            self._counts["refused_while_open"] += 1
            raise RedisUnavailable(f"not asked: Redis failed several times in a row ({self._last_error})")
        if len(self._queued) + (len(self._link.waiting) if self._link else 0) >= self._settings.in_flight_max:
            raise RedisUnavailable(f"{self._settings.in_flight_max} calls are already waiting for Redis")

    def _flush(self) -> None:
        self._flush_is_due = False
        now_s = self._clock.now_s()
        for call in self._queued:
            call.begin(now_s)
        if self._link is None:
            self._connect()
        elif self._queued:
            calls, self._queued = self._queued, []
            self._link.send(calls)

    def _connect(self) -> None:
        if self._link is None and self._connecting is None and not self._is_closed:
            self._connecting = asyncio.get_running_loop().create_task(self._open(), name="redis-connect")

    async def _open(self) -> None:
        self._counts["connects"] += 1
        try:
            async with asyncio.timeout(self._settings.connect_s):
                self._link = await open_link(self._target, self)
        except TimeoutError:
            self._on_connect_failed(f"no connection within {self._settings.connect_s} s")
        except (OSError, RedisUnavailable) as error:
            self._on_connect_failed(f"cannot connect: {error}")
        else:
            self._succeed()
            if self._trial is not None:
                self._trial.cancel()
            self._flush()
        finally:
            self._connecting = None

    def _on_connect_failed(self, reason: str) -> None:
        self._fail_all(reason)
        self._note_failure(reason)

    def _set_timer(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = due_s
        wait_s = max(0.0, due_s - _LAST_LOOK_S - self._clock.now_s())
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        # When this process was busy, the replies may lie unread in the socket: one more poll before Redis is blamed.
        self._timer = asyncio.get_running_loop().call_later(_LAST_LOOK_S, self._expire)

    def _expire(self) -> None:
        self._timer, self._timer_due_s = None, math.inf
        now_s = self._clock.now_s() + _LAST_LOOK_S
        late = RedisUnavailable("no answer in time")
        expired = 0
        next_due_s = math.inf
        for call in (*(self._link.waiting if self._link else ()), *self._queued):
            if call.due_s <= now_s:
                expired += call.fail(late)
            elif not call.future.done():
                next_due_s = min(next_due_s, call.due_s)
        self._queued = [call for call in self._queued if not call.future.done()]
        if next_due_s < math.inf:
            self._set_timer(next_due_s)
        if expired:
            self._counts["timeouts"] += expired
            self._note_failure("no answer in time")

    def _succeed(self) -> None:
        was_open = self._breaker.is_open
        self._breaker.succeed()
        if was_open:
            self._tell(None)

    def _note_failure(self, reason: str) -> None:
        self._counts["failures"] += 1
        self._last_error, was_open = reason, self._breaker.is_open
        away_s = self._breaker.fail()
        if away_s is None or self._is_closed:
            return
        self._counts["opens"] += 1
        if not was_open:
            self._tell(reason)
        self._fail_all(reason)
        if self._trial is not None:
            self._trial.cancel()
        self._trial = asyncio.get_running_loop().call_later(away_s, self._connect)

    def _fail_all(self, reason: str) -> None:
        calls, self._queued = self._queued, []
        link, self._link = self._link, None
        if link is not None:
            _fail(link, reason)
            link.abort()
        for call in calls:
            call.fail(RedisUnavailable(reason))


def _fail(link: Link, reason: str) -> bool:
    error_for = [call for call in link.waiting if not call.future.done()]
    link.waiting.clear()
    for call in error_for:
        call.fail(RedisUnavailable(reason))
    return bool(error_for)
