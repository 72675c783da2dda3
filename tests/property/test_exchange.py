"""Whatever is reported in whatever order, the exchange keeps its invariants and comes to an end."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import MAX_LIVE, Exchange, State
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
    OpenAttempt,
    Plan,
    Rung,
    Timer,
    TimerFired,
)
from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind

rungs = st.builds(Rung, st.sampled_from([TierName("a"), TierName("b")]), st.integers(1, 3), st.just(4.0), st.just(30.0))
plans = st.builds(
    Plan,
    st.lists(rungs, min_size=1, max_size=4).map(tuple),
    st.integers(1, 5),
    st.frozensets(st.sampled_from(FailureKind)),
    st.just(50.0),
)
attempts = st.integers(0, 5)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(FirstContent, attempts),
    st.builds(AttemptFailed, attempts, st.sampled_from(FailureKind)),
    st.builds(TimerFired, st.sampled_from(Timer)),
    st.just(ClientGone()),
)
steps = st.lists(st.tuples(events, st.floats(0, 20)), max_size=12)


def play(plan: Plan, reports: list[tuple[Event, float]]) -> tuple[Exchange, list[Command]]:
    """Feed the reports, then let the deadline pass: the least that the interpreter guarantees."""
    exchange, now_s = Exchange(plan), 0.0
    commands = list(exchange.handle(Begin(), now_s))
    for event, delay_s in reports:
        now_s += delay_s
        commands += exchange.handle(event, now_s)
    commands += exchange.handle(TimerFired(Timer.DEADLINE), now_s)
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
    assert len(opened) <= plan.max_attempts
    assert opened == list(range(len(opened)))
    reported = {event.attempt for event, _ in reports if isinstance(event, AttemptFailed | Ended)}
    cancelled = {command.attempt for command in commands if isinstance(command, CancelAttempt)}
    assert set(opened) <= reported | cancelled
    for rung in range(len(plan.rungs)):
        tried = sum(1 for command in commands if isinstance(command, OpenAttempt) and command.rung == rung)
        assert tried <= plan.rungs[rung].endpoints


@given(plans, steps)
def test_never_more_than_two_attempts_live(plan: Plan, reports: list[tuple[Event, float]]) -> None:
    """Without this, a retry storm could start inside one request (I3)."""
    exchange, now_s, live = Exchange(plan), 0.0, set[int]()
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
