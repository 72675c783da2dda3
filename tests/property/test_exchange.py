"""Whatever is reported in whatever order, the exchange keeps its invariants and comes to an end."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import MAX_LIVE, TABLE, Exchange, State
from gateway.core.exchange_events import (
    AttemptFailed,
    Begin,
    CancelAttempt,
    ClientGone,
    Command,
    Commit,
    Ended,
    Event,
    Finish,
    FirstContent,
    LastContent,
    OpenAttempt,
    Plan,
    Rung,
    Timer,
    TimerFired,
)
from gateway.core.hedging import Hedge, HedgeBudget
from gateway.core.retry_budget import BEGUN_FLOOR, RETRY_SHARE, WINDOW_S, RetryBudget
from gateway.domain.ids import RouteName, TierName
from gateway.domain.outcome import FailureKind

TIER, ROUTE = TierName("a"), RouteName("balanced")

WORTH_A_WALK = (FailureKind.REFUSAL, FailureKind.BUSY, FailureKind.CONNECT)
"""Failures behind which there is much to see."""

rungs = st.builds(
    Rung,
    st.sampled_from([TIER, TierName("b")]),
    st.integers(1, 3),
    st.just(4.0),
    st.sampled_from([30.0, None]),
    st.integers(1, 3),
    st.integers(0, 2),
)
plans = st.builds(
    Plan,
    st.lists(rungs, min_size=1, max_size=4).map(tuple),
    st.integers(1, 5),
    st.one_of(st.just(frozenset(FailureKind)), st.frozensets(st.sampled_from(FailureKind))),
    st.just(50.0),
    st.booleans(),
    st.floats(0, 1, exclude_max=True),
    st.builds(lambda after_s: Hedge(after_s, 1.0, ROUTE, HedgeBudget()), st.just(0.5)) | st.none(),
    st.sampled_from([None, 15.0]),
    st.sampled_from([lambda _: 0.0, lambda rung: 30.0 * rung]),
)
attempts = st.integers(0, 5)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(FirstContent, attempts),
    st.builds(LastContent, attempts),
    st.builds(AttemptFailed, attempts, st.sampled_from(FailureKind), st.sampled_from([None, 0.0, 0.5, 7.0])),
    st.builds(TimerFired, st.sampled_from(Timer)),
    st.just(ClientGone()),
)
steps = st.lists(st.tuples(events, st.floats(0, 20)), max_size=12)


def play(plan: Plan, reports: list[tuple[Event, float]]) -> tuple[Exchange, list[Command]]:
    """Feed the reports, then let the deadline pass: the least that the interpreter guarantees.

    And of a whole answer that is given, which the deadline does not cut, the end.
    """
    exchange, now_s = Exchange(plan, RetryBudget()), 0.0
    commands = list(exchange.handle(Begin(), now_s))
    for event, delay_s in reports:
        now_s += delay_s
        commands += exchange.handle(event, now_s)
    commands += exchange.handle(TimerFired(Timer.DEADLINE), now_s)
    commands += [
        command
        for committed in [command for command in commands if isinstance(command, Commit)]
        for command in exchange.handle(Ended(committed.attempt), now_s)
    ]
    return exchange, commands


@given(plans, steps)
def test_every_path_ends_exactly_once(plan: Plan, reports: list[tuple[Event, float]]) -> None:
    """Without this, a request could hang or be accounted twice (I5, I9)."""
    exchange, commands = play(plan, reports)
    assert exchange.state is State.DONE
    assert [type(command) for command in commands].count(Finish) == 1
    assert type(commands[-1]) is Finish


@given(plans, steps)
def test_at_most_one_commit_and_no_attempt_after_it(plan: Plan, reports: list[tuple[Event, float]]) -> None:
    """Without this, a client could read parts of two answers (I1, I2)."""
    _, commands = play(plan, reports)
    kinds = [type(command) for command in commands]
    assert kinds.count(Commit) <= 1
    if Commit in kinds:
        assert OpenAttempt not in kinds[kinds.index(Commit) :]


@given(plans, steps)
def test_attempts_stay_within_plan_and_every_live_one_is_let_go(plan: Plan, reports: list[tuple[Event, float]]) -> None:
    """Without this, a server would go on generating for nobody (I3, I4, I8)."""
    _, commands = play(plan, reports)
    opened = [command.attempt for command in commands if isinstance(command, OpenAttempt)]
    stale = any(isinstance(event, AttemptFailed) and event.kind is FailureKind.STALE for event, _ in reports)
    assert len(opened) <= plan.max_attempts + stale, "one more than planned where a kept connection had died"
    assert opened == list(range(len(opened)))
    reported = {event.attempt for event, _ in reports if isinstance(event, AttemptFailed | Ended)}
    cancelled = {command.attempt for command in commands if isinstance(command, CancelAttempt)}
    given = {command.attempt for command in commands if isinstance(command, Commit)}
    assert set(opened) <= reported | cancelled | given
    for rung in range(len(plan.rungs)):
        tried = [command for command in commands if isinstance(command, OpenAttempt) and command.rung == rung]
        assert sum(command.again is None for command in tried) <= plan.rungs[rung].endpoints


@given(plans, steps)
def test_never_more_than_two_attempts_live(plan: Plan, reports: list[tuple[Event, float]]) -> None:
    """Without this, a retry storm could start inside one request (I3)."""
    exchange, now_s, live = Exchange(plan, RetryBudget()), 0.0, set[int]()
    sequence: list[tuple[Event, float]] = [(Begin(), 0.0), *reports]
    for event, delay_s in sequence:
        now_s += delay_s
        if isinstance(event, AttemptFailed):
            live.discard(event.attempt)
        for command in exchange.handle(event, now_s):
            if isinstance(command, OpenAttempt):
                live.add(command.attempt)
            elif isinstance(command, CancelAttempt):
                live.discard(command.attempt)
        assert len(live) <= MAX_LIVE


@dataclass(slots=True)
class Walk:
    """One exchange through whatever may happen next, drawn by chance; late and senseless reports included."""

    draw: Random
    exchange: Exchange
    now_s: float = 0.0
    opened: int = 0
    committed: int | None = None
    rows: set[tuple[State, type[Event], State]] = field(default_factory=set)
    tried: set[tuple[State, type[Event]]] = field(default_factory=set)

    def to_the_end(self) -> None:
        """Walk until DONE, and some steps on."""
        self.report(Begin())
        if self.draw.random() < 0.2:
            # Chance alone comes here too seldom: an answer in hand, and a stronger tier that is busy.
            self.report(AttemptFailed(0, FailureKind.REFUSAL))
            self.report(AttemptFailed(1, FailureKind.BUSY, 0.5))
        for _ in range(40):
            self.now_s += self.draw.choice((0.0, 0.1, 1.0, 7.0))
            self.report(self.anything())

    def anything(self) -> Event:
        """Draw an event."""
        latest = max(self.opened - 1, 0)
        attempt = latest if self.draw.random() < 0.6 else self.draw.randrange(latest + 1)
        return self.draw.choice(
            [
                Ended(attempt if self.committed is None else self.committed),
                FirstContent(attempt),
                LastContent(attempt if self.committed is None else self.committed),
                AttemptFailed(attempt, self.draw.choice(list(FailureKind)), self.draw.choice((None, 0.5, 7.0))),
                AttemptFailed(attempt, self.draw.choice(WORTH_A_WALK), self.draw.choice((None, 0.5, 7.0))),
                TimerFired(self.draw.choice(list(Timer))),
                Begin() if self.draw.random() < 0.1 else TimerFired(Timer.RETRY),
                ClientGone() if self.draw.random() < 0.2 else TimerFired(Timer.FIRST_CONTENT),
            ]
        )

    def report(self, event: Event) -> None:
        """Report it, and note which row of the table it was."""
        before = self.exchange.state
        commands = self.exchange.handle(event, self.now_s)
        self.tried.add((before, type(event)))
        if (before, type(event)) in TABLE:
            self.rows.add((before, type(event), self.exchange.state))
        else:
            assert commands == (), "a pair that is not in the table changes nothing"
            assert self.exchange.state is before
        for command in commands:
            if isinstance(command, OpenAttempt):
                self.opened += 1
            elif isinstance(command, Commit):
                self.committed = command.attempt


def walk(seed: int, budget: RetryBudget) -> Walk:
    """Walk one exchange to its end."""
    draw = Random(seed)
    stall_s = draw.choice((30.0, None))
    ladder = tuple(
        Rung(TIER, draw.randint(1, 3), 4.0, stall_s, draw.randint(1, 3), rank=draw.randint(0, 2))
        for _ in range(draw.randint(1, 3))
    )
    hedge = Hedge(0.5, 1.0, ROUTE, HedgeBudget()) if draw.random() < 0.5 else None
    kinds = frozenset(FailureKind) if draw.random() < 0.8 else frozenset(draw.sample(list(FailureKind), 3))
    replayable, jitter, heartbeat_s = draw.random() < 0.8, draw.choice((0.0, 0.5)), draw.choice((None, 15.0))
    plan = Plan(ladder, draw.randint(1, 4), kinds, 60.0, replayable, jitter, hedge, heartbeat_s)
    walked = Walk(draw, Exchange(plan, budget))
    walked.to_the_end()
    return walked


def test_every_pair_of_state_and_event_is_met_and_every_row_of_the_table_leads_wherever_it_says() -> None:
    """Without this, the table could promise what never happens, or a pair could be one that nobody thought of."""
    met, tried = set(), set()
    for seed in range(1_500):
        walked = walk(seed, RetryBudget())
        met |= walked.rows
        tried |= walked.tried
    assert met == {(state, event, becomes) for (state, event), row in TABLE.items() for becomes in row.becomes}
    assert tried == {(state, event) for state in State for event in Event.__args__} - {
        (State.IDLE, event) for event in Event.__args__ if event is not Begin
    }, "before Begin nothing can be reported"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 5, 40]))
def test_attempts_exceed_the_requests_by_the_share_and_the_floor_alone(seed: int, per_second: int) -> None:
    """Without this, an outage of every server is multiplied by three (P6)."""
    draw, budget, attempts_by_s = Random(seed), RetryBudget(), list[int]()
    for second in range(30):
        attempts_by_s.append(0)
        for _ in range(per_second):
            plan = Plan((Rung(TIER, 3, 4.0, 30.0),), 3, frozenset(FailureKind), 1_000.0)
            exchange, event = Exchange(plan, budget), Begin()
            opened = [command for command in exchange.handle(event, float(second)) if isinstance(command, OpenAttempt)]
            while opened:
                attempts_by_s[-1] += 1
                failed = AttemptFailed(opened[0].attempt, draw.choice((FailureKind.CONNECT, FailureKind.SERVER_ERROR)))
                commands = exchange.handle(failed, float(second))
                opened = [command for command in commands if isinstance(command, OpenAttempt)]
    for first in range(30 - WINDOW_S):
        made = sum(attempts_by_s[first : first + WINDOW_S])
        assert made <= (1 + RETRY_SHARE) * per_second * WINDOW_S + BEGUN_FLOOR * WINDOW_S
