"""What happens to one request between deciding and its last byte: a pure machine, (event, now) -> commands.

No await, no clock, no chance, no logging. The pipeline's interpreter performs the commands and reports what came of
them as events; nothing else owns a task or a timer. `TABLE` is the whole behaviour: a pair that is not in it changes
nothing, because it reports about something that has already been given up (a late failure of a cancelled attempt).

    IDLE ──Begin──► SEEKING ──FirstContent──► STREAMING ──LastContent──► LINGERING ──Ended──► DONE
                    │  ▲ │                        │
        AttemptFailed─┘  └─nothing left─► DONE ◄──┴── Ended, AttemptFailed, a timer, the client leaving
                    │ ▲
                   WAITING: the next attempt is worth a short wait

Commit is the first content byte, not the first byte: until then every failure may be followed by another attempt, after
it none may, since the client has begun to read this answer. What follows which failure is `core/climb.py`'s.

Invariants, asserted after every event: I1 no attempt is opened after the commit; I2 at most one commit; I3 at most
`MAX_LIVE` attempts live; I4 none lives on in DONE; I5 exactly one Finish, the last command; I7 no attempt is opened
past the deadline, but for the first; I8 never more attempts than the plan allows. (I6, that bytes come from the
committed attempt alone, is the interpreter's; I9, that every path ends, is a property test.)
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gateway.core.climb import Climb, Step
from gateway.core.exchange_events import (
    AbortStream,
    AttemptFailed,
    Beat,
    Begin,
    ClearTimer,
    ClientGone,
    Commands,
    Commit,
    Ended,
    Event,
    Finish,
    FirstContent,
    LastContent,
    OpenAttempt,
    Plan,
    Reject,
    SetTimer,
    Timer,
    TimerFired,
)
from gateway.core.live_attempts import LiveAttempts
from gateway.core.retry_budget import RetryBudget
from gateway.core.retry_table import SAFE_RETRY
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import OF_THE_ANSWER, FailureKind, NoRetry, Outcome

MAX_LIVE = 2
"""One attempt, and room for a hedge beside it."""
LINGER_S = 0.5
"""How long the usage of a complete answer is awaited: it makes the charge exact."""


class State(Enum):
    """Where the request stands."""

    IDLE = "idle"
    SEEKING = "seeking"
    """An attempt is under way, and has no content yet."""
    WAITING = "waiting"
    """None is under way: the next begins when its wait is over."""
    STREAMING = "streaming"
    """The client reads an attempt's answer."""
    LINGERING = "lingering"
    """The answer is complete; what its server says of it afterwards is awaited for a moment."""
    DONE = "done"


_CLEAR_FIRST_CONTENT = ClearTimer(Timer.FIRST_CONTENT)
_CLEAR_SEEKING = (_CLEAR_FIRST_CONTENT, ClearTimer(Timer.HEDGE))
_OUTCOME = {ErrorCode.UPSTREAM_REJECTED: Outcome.UPSTREAM_REJECTED, ErrorCode.DEADLINE_EXCEEDED: Outcome.DEADLINE}


class Exchange:
    """The machine of one request. `budget` is shared by all: it says whether a further attempt is affordable."""

    __slots__ = ("_climb", "_committed", "_failed", "_live", "_plan", "_spare", "_step", "state")

    def __init__(self, plan: Plan, budget: RetryBudget) -> None:
        self.state = State.IDLE
        self._plan = plan
        self._climb = Climb(plan)
        self._live = LiveAttempts(budget, plan.rungs[0].tier)
        self._committed: int | None = None
        self._failed = AttemptFailed(-1, FailureKind.TTFT)
        self._step = Step(0)
        self._spare: int | None = None
        """An attempt whose answer is not good enough, and is better than none."""

    def handle(self, event: Event, now_s: float) -> Commands:
        """Take an event and return what to do now, in order."""
        row = TABLE.get((self.state, type(event)))
        if row is None:
            return ()
        commands = row.act(self, event, now_s)
        assert self.state in row.becomes, "the table says what may become of it"
        self._assert_invariants(commands, now_s)
        return commands

    def _begin(self, event: Event, now_s: float) -> Commands:
        plan = self._plan
        self._live.admit(now_s)
        deadline = SetTimer(Timer.DEADLINE, max(0.0, plan.deadline_at_s - now_s))
        commands: Commands = (deadline, *self._open(self._step))
        if plan.heartbeat_s is not None:
            commands = (*commands, SetTimer(Timer.HEARTBEAT, plan.heartbeat_s))
        if plan.hedge is not None:
            plan.hedge.admit(now_s)
            commands = (*commands, SetTimer(Timer.HEDGE, plan.hedge.after_s))
        return commands

    def _open(self, step: Step) -> Commands:
        self.state = State.SEEKING
        number = self._climb.take(step)
        self._live.add(number)
        limit_s = self._plan.rungs[step.rung].first_content_limit_s
        again = self._failed.attempt if step.again else None
        return (OpenAttempt(number, step.rung, again), SetTimer(Timer.FIRST_CONTENT, limit_s))

    def _hedge(self, now_s: float) -> Commands:
        """Ask a neighbour too. A request that was tried again already has had its share of the servers."""
        hedge = self._plan.hedge
        step = self._climb.hedge(now_s) if self._climb.opened == 1 else None
        if hedge is None or step is None or not hedge.grant(now_s):
            return ()
        number = self._climb.take(step)
        self._live.add(number)
        # The time to the first content goes on counting from the first of the two.
        return (OpenAttempt(number, step.rung),)

    def _first_content(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, FirstContent)
        return self._commit(event.attempt) if event.attempt in self._live else ()

    def _commit(self, attempt: int) -> Commands:
        self.state, self._committed = State.STREAMING, attempt
        losers = self._live.commit(attempt)
        commands: Commands = (*_CLEAR_SEEKING, *losers, Commit(attempt))
        stall_s = self._plan.rungs[self._climb.here].stall_limit_s
        return commands if stall_s is None else (*commands, SetTimer(Timer.STALL, stall_s))

    def _failed_before_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, AttemptFailed)
        if event.attempt not in self._live:
            return ()
        self._live.drop(event.attempt)
        if event.kind in OF_THE_ANSWER:
            self._spare = event.attempt
        # While another is under way it may still answer; its end then says how to go on.
        return () if self._live else self._after(event, now_s)

    def _after(self, failed: AttemptFailed, now_s: float) -> Commands:
        """Go on after a failure, at once or after a wait, or give up."""
        self._failed = failed
        step = self._climb.next(failed, now_s)
        if isinstance(step, NoRetry):
            return self._give_up(step)
        if step.after_s <= 0.0:
            return self._retry(step, now_s)
        self.state, self._step = State.WAITING, step
        return (_CLEAR_FIRST_CONTENT, SetTimer(Timer.RETRY, step.after_s))

    def _retry(self, step: Step, now_s: float) -> Commands:
        if now_s >= self._plan.deadline_at_s:
            return self._out_of_time(self._failed.kind)
        if not self._live.grant_retry(self._climb.opened, now_s):
            return self._give_up(NoRetry.RETRY_BUDGET)
        return self._open(step)

    def _give_up(self, why: NoRetry) -> Commands:
        code = ErrorCode.TIER_UNAVAILABLE if why is NoRetry.COST_STORM else SAFE_RETRY[self._failed.kind].told
        return self._reject(code, self._failed.kind, why)

    def _out_of_time(self, cause: FailureKind) -> Commands:
        return self._reject(ErrorCode.DEADLINE_EXCEEDED, cause, NoRetry.DEADLINE)

    def _reject(self, code: ErrorCode, cause: FailureKind, why: NoRetry) -> Commands:
        if self._spare is not None:
            return self._commit(self._spare)
        rejection = Reject(code, cause, why, self._climb.opens_in_s)
        return (rejection, *self._finish(_OUTCOME.get(code, Outcome.UPSTREAM_FAILED)))

    def _failed_after_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, AttemptFailed)
        if event.attempt != self._committed:
            return ()
        self._live.drop(event.attempt)
        return (AbortStream(event.kind), *self._finish(Outcome.STREAM_TRUNCATED))

    def _last_content(self, event: Event, now_s: float) -> Commands:
        self.state = State.LINGERING
        return (ClearTimer(Timer.STALL), ClearTimer(Timer.HEARTBEAT), SetTimer(Timer.LINGER, LINGER_S))

    def _ended(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, Ended)
        assert event.attempt == self._committed, "only the committed attempt can end the exchange"
        self._live.drop(event.attempt)
        return self._finish(Outcome.SUCCESS_UPSTREAM)

    def _timer_before_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, TimerFired)
        if event.timer is Timer.HEARTBEAT:
            return self._beat()
        if event.timer is Timer.HEDGE:
            return self._hedge(now_s)
        if event.timer is Timer.FIRST_CONTENT:
            return (*self._live.cancel(FailureKind.TTFT), *self._after(AttemptFailed(-1, FailureKind.TTFT), now_s))
        if event.timer is not Timer.DEADLINE:
            return ()
        return (*self._live.cancel(FailureKind.TTFT), *self._out_of_time(FailureKind.TTFT))

    def _timer_while_waiting(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, TimerFired)
        if event.timer is Timer.HEARTBEAT:
            return self._beat()
        if event.timer is Timer.RETRY:
            return self._retry(self._step, now_s)
        return self._out_of_time(self._failed.kind) if event.timer is Timer.DEADLINE else ()

    def _timer_after_commit(self, event: Event, now_s: float) -> Commands:
        assert isinstance(event, TimerFired)
        if event.timer is Timer.HEARTBEAT:
            return self._beat()
        is_whole = self._plan.rungs[self._climb.here].stall_limit_s is None
        if event.timer not in (Timer.STALL, Timer.DEADLINE) or is_whole:
            # A whole answer that is in hand is given, whatever the clock says.
            return ()
        cancelled = self._live.cancel(FailureKind.STALLED)
        outcome = Outcome.DEADLINE if event.timer is Timer.DEADLINE else Outcome.STREAM_TRUNCATED
        return (*cancelled, AbortStream(FailureKind.STALLED), *self._finish(outcome))

    def _timer_while_lingering(self, event: Event, now_s: float) -> Commands:
        """What comes no more is not missed: the client has the answer."""
        assert isinstance(event, TimerFired)
        if event.timer is not Timer.LINGER and event.timer is not Timer.DEADLINE:
            return ()
        return (*self._live.cancel(None), *self._finish(Outcome.SUCCESS_UPSTREAM))

    def _beat(self) -> Commands:
        beat_s = self._plan.heartbeat_s
        return () if beat_s is None else (Beat(), SetTimer(Timer.HEARTBEAT, beat_s))

    def _gone_before_commit(self, event: Event, now_s: float) -> Commands:
        return (*self._live.cancel(None), *self._finish(Outcome.CLIENT_GONE_BEFORE))

    def _gone_after_commit(self, event: Event, now_s: float) -> Commands:
        return (*self._live.cancel(None), *self._finish(Outcome.CLIENT_GONE_DURING))

    def _finish(self, outcome: Outcome) -> Commands:
        self.state = State.DONE
        return (Finish(outcome),)

    def _assert_invariants(self, commands: Commands, now_s: float) -> None:
        if OpenAttempt in map(type, commands):
            assert self._committed is None, "I1: an attempt after the commit"
            assert now_s < self._plan.deadline_at_s or self._climb.opened == 1, "I7: an attempt past the deadline"
        assert len(self._live) <= MAX_LIVE, "I3: too many attempts at once"
        assert self._climb.opened <= self._climb.attempts_max, "I8: more attempts than the plan allows"
        if self.state is State.DONE:
            assert not self._live, "I4: an attempt outlives the exchange"
            assert type(commands[-1]) is Finish, "I5: the end is the last command"


class Row(NamedTuple):
    """What is done when an event comes in a state, and the states in which that may leave the exchange."""

    act: Callable[[Exchange, Event, float], Commands]
    becomes: tuple[State, ...]


_GOES_ON = (State.SEEKING, State.WAITING, State.STREAMING, State.DONE)
_MAY_END = (State.STREAMING, State.DONE)
_ENDS = (State.DONE,)

TABLE: dict[tuple[State, type[Event]], Row] = {
    (State.IDLE, Begin): Row(Exchange._begin, (State.SEEKING,)),
    (State.SEEKING, FirstContent): Row(Exchange._first_content, (State.SEEKING, State.STREAMING)),
    (State.SEEKING, AttemptFailed): Row(Exchange._failed_before_commit, _GOES_ON),
    (State.SEEKING, TimerFired): Row(Exchange._timer_before_commit, (State.SEEKING, State.STREAMING, State.DONE)),
    (State.SEEKING, ClientGone): Row(Exchange._gone_before_commit, _ENDS),
    (State.WAITING, TimerFired): Row(Exchange._timer_while_waiting, _GOES_ON),
    (State.WAITING, ClientGone): Row(Exchange._gone_before_commit, _ENDS),
    (State.STREAMING, LastContent): Row(Exchange._last_content, (State.LINGERING,)),
    (State.STREAMING, Ended): Row(Exchange._ended, _ENDS),
    (State.STREAMING, AttemptFailed): Row(Exchange._failed_after_commit, _MAY_END),
    (State.STREAMING, TimerFired): Row(Exchange._timer_after_commit, _MAY_END),
    (State.STREAMING, ClientGone): Row(Exchange._gone_after_commit, _ENDS),
    (State.LINGERING, Ended): Row(Exchange._ended, _ENDS),
    (State.LINGERING, TimerFired): Row(Exchange._timer_while_lingering, (State.LINGERING, State.DONE)),
    (State.LINGERING, ClientGone): Row(Exchange._gone_after_commit, _ENDS),
}
