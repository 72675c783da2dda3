"""What happens to one request between deciding and its last byte: a pure machine, (event, now) -> commands.

No await, no clock, no chance, no logging. The pipeline's interpreter performs the commands and reports what came of
them as events; nothing else owns a task or a timer. `TABLE` is the whole behaviour: a pair that is not in it changes
nothing, because it reports about something that has already been given up (a late failure of a cancelled attempt).

    IDLE ──Begin──► SEEKING ──FirstContent──► STREAMING ──Ended──► DONE
                    │  ▲ │                        │
        AttemptFailed─┘  └─nothing left─► DONE ◄──┴── AttemptFailed, a timer, the client leaving

Commit is the first content byte, not the first byte: until then every failure may be followed by another attempt, after
it none may, since the client has begun to read this answer.

Invariants, asserted after every event: I1 no attempt is opened after the commit; I2 at most one commit; I3 at most
`MAX_LIVE` attempts live; I4 none lives on in DONE; I5 exactly one Finish, the last command; I7 no attempt is opened
past the deadline; I8 never more attempts than the plan allows. (I6, that bytes come from the committed attempt alone,
is the interpreter's; I9, that every path ends, is a property test.)
"""

from collections.abc import Callable
from enum import Enum

from gateway.core.exchange_events import (
    AbortStream,
    AttemptFailed,
    Begin,
    CancelAttempt,
    ClearTimer,
    ClientGone,
    Commands,
    Commit,
    Ended,
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
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome

MAX_LIVE = 2
"""One attempt, and room for a hedge beside it."""


class State(Enum):
    """Where the request stands."""

    IDLE = "idle"
    SEEKING = "seeking"
    STREAMING = "streaming"
    DONE = "done"


# Another server of the same tier may well answer: these failures are of one server, not of the tier.
_OF_THE_SERVER = frozenset(
    {FailureKind.CONNECT, FailureKind.NO_RESPONSE, FailureKind.SERVER_ERROR, FailureKind.BAD_ANSWER}
)
_REJECTION: dict[FailureKind, ErrorCode] = {
    FailureKind.TTFT: ErrorCode.UPSTREAM_TIMEOUT,
    FailureKind.BUSY: ErrorCode.TIER_UNAVAILABLE,
    FailureKind.REJECTED: ErrorCode.UPSTREAM_REJECTED,
}
_CLEAR_FIRST_CONTENT = ClearTimer(Timer.FIRST_CONTENT)
_CLEAR_ALL = tuple(ClearTimer(timer) for timer in Timer)
_REJECTED_OUTCOME: dict[ErrorCode, Outcome] = {ErrorCode.UPSTREAM_REJECTED: Outcome.UPSTREAM_REJECTED}


class Exchange:
    """The machine of one request."""

    __slots__ = ("_committed", "_deadline_at_s", "_live", "_opened", "_plan", "_rung", "_tried", "state")

    def __init__(self, plan: Plan) -> None:
        self.state = State.IDLE
        self._plan = plan
        self._rung = 0
        self._tried = [0] * len(plan.rungs)
        self._opened = 0
        self._live: set[int] = set()
        self._committed: int | None = None

    def handle(self, event: Event, now_s: float) -> Commands:
        """Take an event and return what to do now, in order."""
        row = TABLE.get((self.state, type(event)))
        if row is None:
            return ()
        commands = row(self, event, now_s)
        self._assert_invariants(commands)
        return commands

    def _begin(self, event: Event, now_s: float) -> Commands:
        self.state = State.SEEKING
        deadline = SetTimer(Timer.DEADLINE, max(0.0, self._plan.deadline_at_s - now_s))
        return (deadline, *self._open(0))

    def _open(self, rung: int) -> Commands:
        self._rung = rung
        self._tried[rung] += 1
        number, self._opened = self._opened, self._opened + 1
        self._live.add(number)
        limit_s = self._plan.rungs[rung].first_content_limit_s
        return (OpenAttempt(number, rung), SetTimer(Timer.FIRST_CONTENT, limit_s))

    def _first_content(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, FirstContent)
        if event.attempt not in self._live:
            return ()
        self.state = State.STREAMING
        self._committed = event.attempt
        losers = tuple(CancelAttempt(other, None) for other in sorted(self._live - {event.attempt}))
        self._live = {event.attempt}
        commands: Commands = (_CLEAR_FIRST_CONTENT, *losers, Commit(event.attempt))
        stall_s = self._plan.rungs[self._rung].stall_limit_s
        return commands if stall_s is None else (*commands, SetTimer(Timer.STALL, stall_s))

    def _failed_before_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, AttemptFailed)
        if event.attempt not in self._live:
            return ()
        self._live.discard(event.attempt)
        return self._try_next(event.kind, now_s)

    def _try_next(self, kind: FailureKind, now_s: float) -> Commands:
        rung = self._next_rung(kind)
        may_try = kind in self._plan.retry_on and self._opened < self._plan.max_attempts
        if may_try and rung is not None and now_s < self._plan.deadline_at_s:
            return self._open(rung)
        return self._reject(_REJECTION.get(kind, ErrorCode.UPSTREAM_ERROR), kind)

    def _next_rung(self, kind: FailureKind) -> int | None:
        """Prefer another server of this tier if it was the server's failure, and another tier if it was the tier's."""
        here, plan = self._rung, self._plan
        higher = next((n for n in range(here + 1, len(plan.rungs)) if self._tried[n] < plan.rungs[n].endpoints), None)
        same = here if self._tried[here] < plan.rungs[here].endpoints else None
        first, second = (same, higher) if kind in _OF_THE_SERVER else (higher, same)
        return second if first is None else first

    def _reject(self, code: ErrorCode, cause: FailureKind | None) -> Commands:
        outcome = Outcome.DEADLINE if code is ErrorCode.DEADLINE_EXCEEDED else Outcome.UPSTREAM_FAILED
        return (Reject(code, cause), *self._finish(_REJECTED_OUTCOME.get(code, outcome)))

    def _failed_after_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, AttemptFailed)
        if event.attempt != self._committed:
            return ()
        self._live.clear()
        return (AbortStream(event.kind), *self._finish(Outcome.STREAM_TRUNCATED))

    def _ended(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, Ended)
        assert event.attempt == self._committed, "only the committed attempt can end the exchange"
        self._live.clear()
        return self._finish(Outcome.SUCCESS_UPSTREAM)

    def _timer_before_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, TimerFired)
        if event.timer is Timer.FIRST_CONTENT:
            return (*self._cancel_all(FailureKind.TTFT), *self._try_next(FailureKind.TTFT, now_s))
        cancelled = self._cancel_all(FailureKind.TTFT)
        return (*cancelled, *self._reject(ErrorCode.DEADLINE_EXCEEDED, FailureKind.TTFT))

    def _timer_after_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, TimerFired)
        cancelled = self._cancel_all(FailureKind.STALLED)
        outcome = Outcome.DEADLINE if event.timer is Timer.DEADLINE else Outcome.STREAM_TRUNCATED
        return (*cancelled, AbortStream(FailureKind.STALLED), *self._finish(outcome))

    def _gone_before_commit(self, event: Event, now_s: float) -> Commands:
        return (*self._cancel_all(None), *self._finish(Outcome.CLIENT_GONE_BEFORE))

    def _gone_after_commit(self, event: Event, now_s: float) -> Commands:
        return (*self._cancel_all(None), *self._finish(Outcome.CLIENT_GONE_DURING))

    def _cancel_all(self, failure: FailureKind | None) -> Commands:
        cancelled = tuple(CancelAttempt(number, failure) for number in sorted(self._live))
        self._live.clear()
        return cancelled

    def _finish(self, outcome: Outcome) -> Commands:
        self.state = State.DONE
        return (*_CLEAR_ALL, Finish(outcome))

    def _assert_invariants(self, commands: Commands) -> None:
        if self._committed is not None:
            assert OpenAttempt not in map(type, commands), "I1: an attempt after the commit"
        assert len(self._live) <= MAX_LIVE, "I3: too many attempts at once"
        assert self._opened <= self._plan.max_attempts, "I8: more attempts than the plan allows"
        if self.state is State.DONE:
            assert not self._live, "I4: an attempt outlives the exchange"
            assert type(commands[-1]) is Finish, "I5: the end is the last command"


TABLE: dict[tuple[State, type[Event]], Callable[[Exchange, Event, float], Commands]] = {
    (State.IDLE, Begin): Exchange._begin,
    (State.SEEKING, FirstContent): Exchange._first_content,
    (State.SEEKING, AttemptFailed): Exchange._failed_before_commit,
    (State.SEEKING, TimerFired): Exchange._timer_before_commit,
    (State.SEEKING, ClientGone): Exchange._gone_before_commit,
    (State.STREAMING, Ended): Exchange._ended,
    (State.STREAMING, AttemptFailed): Exchange._failed_after_commit,
    (State.STREAMING, TimerFired): Exchange._timer_after_commit,
    (State.STREAMING, ClientGone): Exchange._gone_after_commit,
}
