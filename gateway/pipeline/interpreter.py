"""Performs what the exchange machine asks for; the only owner of a request's tasks and timers.

Until the commit the request's own task waits here while attempts report. After it, that task reads the committed answer
itself, chunk by chunk without a hop between tasks, and a timer or the client's leaving interrupts it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from gateway.core.exchange import Exchange
from gateway.core.exchange_events import (
    AbortStream,
    AttemptFailed,
    Beat,
    Begin,
    CancelAttempt,
    ClearTimer,
    ClientGone,
    Command,
    Commit,
    Event,
    Finish,
    FirstContent,
    OpenAttempt,
    Plan,
    Reject,
    SetTimer,
    Timer,
    TimerFired,
)
from gateway.core.retry_budget import RetryBudget
from gateway.domain.outcome import FailureKind, Outcome
from gateway.pipeline.attempt import Attempt, AttemptError
from gateway.pipeline.caller import Caller
from gateway.pipeline.closing import close_all
from gateway.ports import ClientGone as GoneAway
from gateway.ports import Clock

_LATE_S = 0.1
"""A timer that fires so long after it was due tells that this process stood still, not that a server was silent."""
_GRACE_S = 0.25
"""What came while the process stood still is in the kernel's buffers: it is read before a server is judged."""

_WHY_CANCELLED: dict[FailureKind | None, str] = {
    FailureKind.TTFT: "no content within the time it had",
    FailureKind.STALLED: "the model server fell silent",
}


class Interpreter:
    """Runs one exchange: `until_commit()`, then reading under `interruptible()`, and always `aclose()`."""

    def __init__(
        self,
        plan: Plan,
        budget: RetryBudget,
        caller: Caller,
        clock: Clock,
        make_exchange: Callable[[Plan, RetryBudget], Exchange] = Exchange,
        beat: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.committed: Attempt | None = None
        self.rejection: Reject | None = None
        self.aborted: AbortStream | None = None
        self.outcome: Outcome | None = None
        self.is_sending = False
        """True while the client is waited for: a silent server is then not at fault."""
        self.waits_since_s = 0.0
        """Since when the server is waited for, once there is content; monotonic."""
        self.sent_s = clock.now_s()
        """When the client was last sent something; monotonic."""
        self._exchange = make_exchange(plan, budget)
        self._caller = caller
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Timer, asyncio.Handle] = {}
        self._send_beat = beat
        self._beating: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._interrupted = False

    async def until_commit(self) -> None:
        """Climb the ladder until an attempt has content, or nothing is left to try."""
        self._waiter = self._loop.create_future()
        self.post(Begin())
        await self._waiter

    def post(self, event: Event) -> None:
        """Report an event and do at once what follows from it."""
        for command in self._exchange.handle(event, self._clock.now_s()):
            _PERFORM[type(command)](self, command)
        settled = self.committed is not None or self.outcome is not None
        if settled and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def client_gone(self) -> None:
        """Report that the client left."""
        self.post(ClientGone())

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a timer or the client's leaving break off what is awaited inside; `outcome` then says how it ended.

        Enter it only while `outcome` is None.
        Uses task cancellation the way asyncio.timeout does, so a cancellation from outside still goes through.
        """
        reader = asyncio.current_task()
        assert reader is not None, "the relay runs in a task"
        self._reader = reader
        try:
            yield
        except asyncio.CancelledError:
            if not self._interrupted or reader.uncancel() > 0:
                raise
        finally:
            self._reader = None

    async def beat_over(self) -> None:
        """Wait for a heartbeat that is being sent. Call it before anything is sent of which a stream has but one."""
        if self._beating is not None:
            await asyncio.wait((self._beating,))

    async def aclose(self) -> None:
        """End every timer and call. Servers notice by their connection closing.

        What is held is given back before anything is waited for, so that no cancellation can come between.
        """
        if self.outcome is None:
            # Broken off from outside: for the machine, and what it holds of the budget, it is as if the client left.
            self.post(ClientGone())
        self._end_timers()
        now_s = self._clock.now_s()
        for attempt in self.attempts:
            attempt.end(now_s, None)
            self._caller.over(attempt)
        await close_all(self.attempts, self._beating)

    def _end_timers(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    async def _carry(self, attempt: Attempt) -> None:
        try:
            await self._call(attempt)
        except Exception as fault:
            # A fault of ours. The request waits for this attempt: it must hear of it, not wait for a timer.
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(fault)

    async def _call(self, attempt: Attempt) -> None:
        try:
            await self._caller.call(attempt)
        except AttemptError as error:
            attempt.error = error.without_frames()
            if attempt.opened is not None:
                attempt.first_content_s = self._clock.now_s()
            attempt.end(self._clock.now_s(), error.kind, error.detail)
            self._caller.over(attempt)
            self.post(AttemptFailed(attempt.number, error.kind, error.retry_after_s))
        else:
            attempt.first_content_s = self.waits_since_s = self._clock.now_s()
            self.post(FirstContent(attempt.number))

    def _open_attempt(self, command: Command) -> None:
        assert isinstance(command, OpenAttempt)
        again = None if command.again is None else self.attempts[command.again]
        attempt = self._caller.place(command.attempt, command.rung, again)
        self.attempts.append(attempt)
        attempt.task = self._loop.create_task(self._carry(attempt))

    def _cancel_attempt(self, command: Command) -> None:
        assert isinstance(command, CancelAttempt)
        attempt = self.attempts[command.attempt]
        attempt.end(self._clock.now_s(), command.failure, _WHY_CANCELLED.get(command.failure, "given up"))
        self._caller.over(attempt)
        # Once content is in hand the task is done; the response is then closed in aclose(), when its reader has let go.
        assert attempt.task is not None, "opened, so its task runs"
        attempt.task.cancel()

    def _set_timer(self, command: Command) -> None:
        assert isinstance(command, SetTimer)
        old = self._timers.pop(command.timer, None)
        if old is not None:
            old.cancel()
        check = _LAZY.get(command.timer)
        if check is None:
            handle = self._loop.call_later(command.after_s, self._ring, command.timer)
        else:
            due_s = self._clock.now_s() + command.after_s
            handle = self._loop.call_later(command.after_s, check, self, command.after_s, due_s)
        self._timers[command.timer] = handle

    def _ring(self, timer: Timer) -> None:
        # A turn later, so that what arrived in the same turn is reported before: content beats the clock.
        self._timers[timer] = self._loop.call_soon(self.post, TimerFired(timer))

    def _check_first_content(self, limit_s: float, due_s: float) -> None:
        if self._clock.now_s() - due_s < _LATE_S:
            self._ring(Timer.FIRST_CONTENT)
        else:
            self._timers[Timer.FIRST_CONTENT] = self._loop.call_later(_GRACE_S, self._ring, Timer.FIRST_CONTENT)

    def _check_stall(self, limit_s: float, due_s: float) -> None:
        now_s = self._clock.now_s()
        silent_s = now_s - self.waits_since_s
        if self.is_sending or silent_s < limit_s:
            wait_s = limit_s if self.is_sending else limit_s - silent_s
        elif now_s - due_s < _LATE_S:
            self.post(TimerFired(Timer.STALL))
            return
        else:
            wait_s = _GRACE_S
        due_s = now_s + wait_s
        self._timers[Timer.STALL] = self._loop.call_later(wait_s, self._check_stall, limit_s, due_s)

    def _check_quiet(self, limit_s: float, due_s: float) -> None:
        quiet_s = self._clock.now_s() - self.sent_s
        if self.is_sending or quiet_s < limit_s:
            wait_s = limit_s if self.is_sending else limit_s - quiet_s
            self._timers[Timer.HEARTBEAT] = self._loop.call_later(wait_s, self._check_quiet, limit_s, due_s)
        else:
            self.post(TimerFired(Timer.HEARTBEAT))

    def _beat(self, command: Command) -> None:
        assert isinstance(command, Beat)
        assert self._send_beat is not None, "a plan with heartbeats needs someone to send them"
        self.sent_s = self._clock.now_s()
        if self._beating is None or self._beating.done():
            self._beating = self._loop.create_task(self._carry_beat(self._send_beat))

    async def _carry_beat(self, send_beat: Callable[[], Awaitable[None]]) -> None:
        try:
            await send_beat()
        except GoneAway:
            # The client's leaving is reported by its own way.
            return

    def _clear_timer(self, command: Command) -> None:
        assert isinstance(command, ClearTimer)
        handle = self._timers.pop(command.timer, None)
        if handle is not None:
            handle.cancel()

    def _commit(self, command: Command) -> None:
        assert isinstance(command, Commit)
        self.committed = self.attempts[command.attempt]

    def _reject(self, command: Command) -> None:
        assert isinstance(command, Reject)
        self.rejection = command

    def _abort(self, command: Command) -> None:
        assert isinstance(command, AbortStream)
        self.aborted = command

    def _finish(self, command: Command) -> None:
        assert isinstance(command, Finish)
        self._end_timers()
        self.outcome = command.outcome
        if self._reader is not None and self._reader is not asyncio.current_task(self._loop):
            self._interrupted = True
            self._reader.cancel()


_PERFORM: dict[type[Command], Callable[[Interpreter, Command], None]] = {
    OpenAttempt: Interpreter._open_attempt,
    CancelAttempt: Interpreter._cancel_attempt,
    SetTimer: Interpreter._set_timer,
    ClearTimer: Interpreter._clear_timer,
    Commit: Interpreter._commit,
    Beat: Interpreter._beat,
    Reject: Interpreter._reject,
    AbortStream: Interpreter._abort,
    Finish: Interpreter._finish,
}
_LAZY: dict[Timer, Callable[[Interpreter, float, float], None]] = {
    Timer.FIRST_CONTENT: Interpreter._check_first_content,
    Timer.STALL: Interpreter._check_stall,
    Timer.HEARTBEAT: Interpreter._check_quiet,
}
"""Timers that look, when they run out, whether they are still meant: after how long, and when that was due."""
