"""The exchange machine, row by row. Each test reads as a play: what is reported, and what is then asked for."""

from dataclasses import replace

import pytest

from gateway.core.exchange import LINGER_S, TABLE, Exchange, State
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
    Ended,
    Event,
    Finish,
    FirstContent,
    LastContent,
    OpenAttempt,
    Plan,
    Reject,
    Rung,
    SetTimer,
    Timer,
    TimerFired,
)
from gateway.core.hedging import Hedge, HedgeBudget
from gateway.core.retry_budget import FLOOR, RetryBudget
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import RouteName, TierName
from gateway.domain.outcome import FailureKind, NoRetry, Outcome

ALL_KINDS = frozenset(FailureKind)
RETRIED = ALL_KINDS - {FailureKind.REJECTED, FailureKind.BROKEN, FailureKind.STALLED}


def plan(*endpoints: int, max_attempts: int = 3, retry_on: frozenset[FailureKind] = RETRIED) -> Plan:
    rungs = tuple(Rung(TierName(f"tier{n}"), count, 4.0, 30.0) for n, count in enumerate(endpoints))
    return Plan(rungs, max_attempts, retry_on, deadline_at_s=100.0)


def begun(*endpoints: int, max_attempts: int = 3, retry_on: frozenset[FailureKind] = RETRIED) -> Exchange:
    exchange = Exchange(plan(*endpoints, max_attempts=max_attempts, retry_on=retry_on), RetryBudget())
    exchange.handle(Begin(), 0.0)
    return exchange


def without_timers(commands: tuple[Command, ...]) -> list[Command]:
    return [command for command in commands if not isinstance(command, SetTimer | ClearTimer)]


def test_begin_opens_the_first_rung_under_both_clocks() -> None:
    commands = Exchange(plan(1, 1), RetryBudget()).handle(Begin(), 40.0)
    assert commands == (SetTimer(Timer.DEADLINE, 60.0), OpenAttempt(0, 0), SetTimer(Timer.FIRST_CONTENT, 4.0))


def test_first_content_commits_and_watches_for_stalls() -> None:
    exchange = begun(1)
    assert exchange.handle(FirstContent(0), 1.0) == (
        ClearTimer(Timer.FIRST_CONTENT),
        ClearTimer(Timer.HEDGE),
        Commit(0),
        SetTimer(Timer.STALL, 30.0),
    )
    assert exchange.state is State.STREAMING


def test_complete_answer_is_a_success() -> None:
    exchange = begun(1)
    exchange.handle(FirstContent(0), 1.0)
    assert without_timers(exchange.handle(Ended(0), 2.0)) == [Finish(Outcome.SUCCESS_UPSTREAM)]


@pytest.mark.parametrize(
    "kind", [FailureKind.CONNECT, FailureKind.NO_RESPONSE, FailureKind.SERVER_ERROR, FailureKind.BAD_ANSWER]
)
def test_failure_of_one_server_goes_to_its_neighbour_first(kind: FailureKind) -> None:
    exchange = begun(2, 1)
    assert without_timers(exchange.handle(AttemptFailed(0, kind), 1.0)) == [OpenAttempt(1, 0)]
    assert without_timers(exchange.handle(AttemptFailed(1, kind), 1.0)) == [OpenAttempt(2, 1)]


@pytest.mark.parametrize("kind", [FailureKind.BUSY, FailureKind.TTFT])
def test_failure_of_the_tier_goes_to_the_next_tier_first(kind: FailureKind) -> None:
    exchange = begun(2, 1)
    assert without_timers(exchange.handle(AttemptFailed(0, kind), 1.0)) == [OpenAttempt(1, 1)]


def test_busy_last_tier_falls_to_another_of_its_servers() -> None:
    exchange = begun(2)
    assert without_timers(exchange.handle(AttemptFailed(0, FailureKind.BUSY), 1.0)) == [OpenAttempt(1, 0)]


def test_first_content_limit_cancels_and_escalates() -> None:
    exchange = begun(1, 1)
    commands = without_timers(exchange.handle(TimerFired(Timer.FIRST_CONTENT), 4.0))
    assert commands == [CancelAttempt(0, FailureKind.TTFT), OpenAttempt(1, 1)]


def test_late_news_of_a_cancelled_attempt_changes_nothing() -> None:
    exchange = begun(1, 1)
    exchange.handle(TimerFired(Timer.FIRST_CONTENT), 4.0)
    assert exchange.handle(AttemptFailed(0, FailureKind.NO_RESPONSE), 4.1) == ()
    assert exchange.handle(FirstContent(0), 4.2) == ()


def test_no_second_attempt_after_first_content() -> None:
    exchange = begun(2, 2)
    exchange.handle(FirstContent(0), 1.0)
    commands = without_timers(exchange.handle(AttemptFailed(0, FailureKind.BROKEN), 2.0))
    assert commands == [AbortStream(FailureKind.BROKEN), Finish(Outcome.STREAM_TRUNCATED)]


def test_failure_of_another_attempt_does_not_disturb_the_committed_one() -> None:
    exchange = begun(2, 2)
    exchange.handle(FirstContent(0), 1.0)
    assert exchange.handle(AttemptFailed(7, FailureKind.BROKEN), 2.0) == ()


@pytest.mark.parametrize(
    ("kind", "code", "outcome", "why"),
    [
        (FailureKind.CONNECT, ErrorCode.UPSTREAM_ERROR, Outcome.UPSTREAM_FAILED, NoRetry.EXHAUSTED),
        (FailureKind.BUSY, ErrorCode.TIER_UNAVAILABLE, Outcome.UPSTREAM_FAILED, NoRetry.EXHAUSTED),
        (FailureKind.TTFT, ErrorCode.UPSTREAM_TIMEOUT, Outcome.UPSTREAM_FAILED, NoRetry.EXHAUSTED),
        (FailureKind.CONTEXT_LENGTH, ErrorCode.UPSTREAM_REJECTED, Outcome.UPSTREAM_REJECTED, NoRetry.EXHAUSTED),
        (FailureKind.REJECTED, ErrorCode.UPSTREAM_REJECTED, Outcome.UPSTREAM_REJECTED, NoRetry.FINAL),
    ],
)
def test_when_nothing_is_left_the_client_is_told_the_last_failure_and_the_receipt_why_it_was_the_last(
    kind: FailureKind, code: ErrorCode, outcome: Outcome, why: NoRetry
) -> None:
    exchange = begun(1)
    assert without_timers(exchange.handle(AttemptFailed(0, kind), 1.0)) == [Reject(code, kind, why), Finish(outcome)]


def test_request_at_fault_is_never_tried_elsewhere() -> None:
    exchange = begun(3, 3)
    commands = without_timers(exchange.handle(AttemptFailed(0, FailureKind.REJECTED), 1.0))
    assert isinstance(commands[0], Reject)


def test_attempts_are_counted_over_all_tiers() -> None:
    exchange = begun(1, 1, 1, max_attempts=2)
    exchange.handle(AttemptFailed(0, FailureKind.CONNECT), 1.0)
    commands = without_timers(exchange.handle(AttemptFailed(1, FailureKind.CONNECT), 1.0))
    assert isinstance(commands[0], Reject)


def test_failure_the_policy_does_not_name_is_final() -> None:
    exchange = begun(2, 1, retry_on=frozenset({FailureKind.TTFT}))
    commands = without_timers(exchange.handle(AttemptFailed(0, FailureKind.CONNECT), 1.0))
    assert isinstance(commands[0], Reject)


def test_no_attempt_is_opened_past_the_deadline() -> None:
    exchange = begun(2, 1)
    commands = without_timers(exchange.handle(AttemptFailed(0, FailureKind.CONNECT), 100.0))
    assert isinstance(commands[0], Reject)


def test_deadline_before_content_cancels_and_says_so() -> None:
    exchange = begun(2)
    assert without_timers(exchange.handle(TimerFired(Timer.DEADLINE), 100.0)) == [
        CancelAttempt(0, FailureKind.TTFT),
        Reject(ErrorCode.DEADLINE_EXCEEDED, FailureKind.TTFT, NoRetry.DEADLINE),
        Finish(Outcome.DEADLINE),
    ]


@pytest.mark.parametrize(
    ("timer", "outcome"), [(Timer.STALL, Outcome.STREAM_TRUNCATED), (Timer.DEADLINE, Outcome.DEADLINE)]
)
def test_clock_running_out_mid_stream_is_told_in_band(timer: Timer, outcome: Outcome) -> None:
    exchange = begun(1)
    exchange.handle(FirstContent(0), 1.0)
    assert without_timers(exchange.handle(TimerFired(timer), 31.0)) == [
        CancelAttempt(0, FailureKind.STALLED),
        AbortStream(FailureKind.STALLED),
        Finish(outcome),
    ]


@pytest.mark.parametrize(
    ("committed", "outcome"), [(False, Outcome.CLIENT_GONE_BEFORE), (True, Outcome.CLIENT_GONE_DURING)]
)
def test_client_leaving_cancels_the_server_in_every_phase(committed: bool, outcome: Outcome) -> None:
    exchange = begun(1)
    if committed:
        exchange.handle(FirstContent(0), 1.0)
    assert without_timers(exchange.handle(ClientGone(), 2.0)) == [CancelAttempt(0, None), Finish(outcome)]


def test_every_pair_outside_the_table_is_ignored() -> None:
    events: list[Event] = [
        Begin(),
        FirstContent(0),
        Ended(0),
        AttemptFailed(0, FailureKind.CONNECT),
        TimerFired(Timer.DEADLINE),
        ClientGone(),
    ]
    for state in State:
        for event in events:
            if (state, type(event)) not in TABLE:
                exchange = Exchange(plan(1), RetryBudget())
                exchange.state = state
                assert exchange.handle(event, 0.0) == ()


@pytest.mark.parametrize("endpoints", [(), (0,)])
def test_plan_without_anything_to_try_is_a_programming_error(endpoints: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a plan needs"):
        plan(*endpoints)


def test_a_busy_server_that_asks_for_little_is_asked_again_when_its_time_has_come() -> None:
    exchange = begun(1)
    assert exchange.handle(AttemptFailed(0, FailureKind.BUSY, 0.5), 1.0) == (
        ClearTimer(Timer.FIRST_CONTENT),
        SetTimer(Timer.RETRY, 0.5),
    )
    assert exchange.state is State.WAITING
    assert without_timers(exchange.handle(TimerFired(Timer.RETRY), 1.5)) == [OpenAttempt(1, 0, again=0)]


def test_a_kept_connection_that_died_is_replaced_at_the_same_server_beyond_the_attempts_of_the_plan() -> None:
    exchange = begun(1, max_attempts=1)
    assert without_timers(exchange.handle(AttemptFailed(0, FailureKind.STALE), 1.0)) == [OpenAttempt(1, 0, again=0)]


def waiting() -> Exchange:
    exchange = begun(1, 1)
    exchange.handle(AttemptFailed(0, FailureKind.BUSY, 0.5), 1.0)
    return exchange


def test_a_deadline_while_waiting_names_the_busy_server_as_the_cause() -> None:
    assert without_timers(waiting().handle(TimerFired(Timer.DEADLINE), 100.0)) == [
        Reject(ErrorCode.DEADLINE_EXCEEDED, FailureKind.BUSY, NoRetry.DEADLINE),
        Finish(Outcome.DEADLINE),
    ]


def test_a_wait_that_ends_late_does_not_lead_past_the_deadline() -> None:
    commands = without_timers(waiting().handle(TimerFired(Timer.RETRY), 100.0))
    assert commands[0] == Reject(ErrorCode.DEADLINE_EXCEEDED, FailureKind.BUSY, NoRetry.DEADLINE)


def test_a_client_that_leaves_while_waiting_ends_it() -> None:
    assert without_timers(waiting().handle(ClientGone(), 1.2)) == [Finish(Outcome.CLIENT_GONE_BEFORE)]


@pytest.mark.parametrize("timer", [Timer.STALL, Timer.FIRST_CONTENT])
def test_a_timer_of_another_state_changes_nothing(timer: Timer) -> None:
    exchange = waiting()
    assert exchange.handle(TimerFired(timer), 1.2) == ()
    assert exchange.state is State.WAITING
    assert begun(1).handle(TimerFired(Timer.RETRY), 1.2) == ()
    streaming = begun(1)
    streaming.handle(FirstContent(0), 1.0)
    assert streaming.handle(TimerFired(Timer.RETRY), 1.2) == ()


def spent() -> RetryBudget:
    """Build a budget from which a retry is refused."""
    budget = RetryBudget()
    for _ in range(FLOOR):
        assert budget.grant(TierName("tier0"), 1.0)
    return budget


def test_a_spent_retry_budget_ends_the_climb_with_the_true_cause() -> None:
    exchange = Exchange(plan(2, 2), spent())
    exchange.handle(Begin(), 0.0)
    assert without_timers(exchange.handle(AttemptFailed(0, FailureKind.BUSY), 1.0)) == [
        Reject(ErrorCode.TIER_UNAVAILABLE, FailureKind.BUSY, NoRetry.RETRY_BUDGET),
        Finish(Outcome.UPSTREAM_FAILED),
    ]


@pytest.mark.parametrize(
    "end",
    [
        [AttemptFailed(1, FailureKind.REJECTED)],
        [TimerFired(Timer.FIRST_CONTENT)],
        [TimerFired(Timer.DEADLINE)],
        [ClientGone()],
        [FirstContent(1), Ended(1)],
        [FirstContent(1), AttemptFailed(1, FailureKind.BROKEN)],
        [FirstContent(1), TimerFired(Timer.STALL)],
        [FirstContent(1), ClientGone()],
    ],
)
def test_however_a_retry_ends_it_is_given_back_to_the_budget(end: list[Event]) -> None:
    budget = RetryBudget()
    for _ in range(FLOOR - 1):
        budget.grant(TierName("tier0"), 1.0)
    exchange = Exchange(replace(plan(2), max_attempts=2), budget)
    exchange.handle(Begin(), 0.0)
    exchange.handle(AttemptFailed(0, FailureKind.CONNECT), 1.0)
    assert not budget.grant(TierName("tier0"), 50.0), "all are under way"
    for event in end:
        exchange.handle(event, 60.0)
    assert budget.grant(TierName("tier0"), 70.0)


def hedged(*endpoints: int, share: float = 1.0, max_attempts: int = 3) -> Exchange:
    """Begin a request that may be hedged after half a second."""
    hedge = Hedge(0.5, share, RouteName("balanced"), HedgeBudget())
    exchange = Exchange(replace(plan(*endpoints, max_attempts=max_attempts), hedge=hedge), RetryBudget())
    assert SetTimer(Timer.HEDGE, 0.5) in exchange.handle(Begin(), 0.0)
    return exchange


def test_a_silent_server_is_hedged_by_its_neighbour_and_the_loser_is_let_go() -> None:
    exchange = hedged(2, 1)
    assert exchange.handle(TimerFired(Timer.HEDGE), 0.5) == (OpenAttempt(1, 0),), "the first goes on, its clock too"
    assert without_timers(exchange.handle(FirstContent(1), 0.9)) == [CancelAttempt(0, None), Commit(1)]


def test_when_both_answer_at_the_same_instant_there_is_one_commit_and_one_loser() -> None:
    exchange = hedged(2)
    exchange.handle(TimerFired(Timer.HEDGE), 0.5)
    assert without_timers(exchange.handle(FirstContent(0), 0.9)) == [CancelAttempt(1, None), Commit(0)]
    assert exchange.handle(FirstContent(1), 0.9) == ()


def test_a_hedge_outlives_the_failure_of_the_first_and_the_first_that_of_the_hedge() -> None:
    for failing in (0, 1):
        exchange = hedged(2, 1)
        exchange.handle(TimerFired(Timer.HEDGE), 0.5)
        assert exchange.handle(AttemptFailed(failing, FailureKind.NO_RESPONSE), 0.6) == ()
        assert without_timers(exchange.handle(FirstContent(1 - failing), 0.9)) == [Commit(1 - failing)]


def test_when_both_fail_the_next_tier_is_asked() -> None:
    exchange = hedged(2, 1)
    exchange.handle(TimerFired(Timer.HEDGE), 0.5)
    exchange.handle(AttemptFailed(0, FailureKind.NO_RESPONSE), 0.6)
    assert without_timers(exchange.handle(AttemptFailed(1, FailureKind.NO_RESPONSE), 0.7)) == [OpenAttempt(2, 1)]


def test_when_both_are_silent_for_the_firsts_limit_both_are_let_go() -> None:
    exchange = hedged(2, 1)
    exchange.handle(TimerFired(Timer.HEDGE), 0.5)
    assert without_timers(exchange.handle(TimerFired(Timer.FIRST_CONTENT), 4.0)) == [
        CancelAttempt(0, FailureKind.TTFT),
        CancelAttempt(1, FailureKind.TTFT),
        OpenAttempt(2, 1),
    ]


def test_a_client_that_leaves_a_hedged_request_cancels_both() -> None:
    exchange = hedged(2)
    exchange.handle(TimerFired(Timer.HEDGE), 0.5)
    commands = without_timers(exchange.handle(ClientGone(), 0.6))
    assert commands == [CancelAttempt(0, None), CancelAttempt(1, None), Finish(Outcome.CLIENT_GONE_BEFORE)]


@pytest.mark.parametrize(
    "exchange",
    [
        pytest.param(hedged(1, 1), id="no server to spare"),
        pytest.param(hedged(2, share=0.02), id="the budget is spent"),
        pytest.param(hedged(2, max_attempts=1), id="one attempt is all there is"),
    ],
)
def test_there_is_no_hedge_without_a_server_a_budget_and_an_attempt_to_spare(exchange: Exchange) -> None:
    assert exchange.handle(TimerFired(Timer.HEDGE), 0.5) == ()


def test_a_request_that_was_tried_again_is_not_hedged_nor_is_one_hedged_twice() -> None:
    exchange = hedged(3)
    exchange.handle(AttemptFailed(0, FailureKind.CONNECT), 0.1)
    assert exchange.handle(TimerFired(Timer.HEDGE), 0.5) == ()
    exchange = hedged(3)
    exchange.handle(TimerFired(Timer.HEDGE), 0.5)
    assert exchange.handle(TimerFired(Timer.HEDGE), 0.6) == ()


def test_a_hedge_costs_nothing_of_the_retry_budget() -> None:
    exchange = Exchange(replace(plan(2), hedge=Hedge(0.5, 1.0, RouteName("r"), HedgeBudget())), spent())
    exchange.handle(Begin(), 0.0)
    assert exchange.handle(TimerFired(Timer.HEDGE), 0.5) == (OpenAttempt(1, 0),)


def test_after_the_last_content_the_usage_is_awaited_for_a_moment() -> None:
    exchange = begun(1)
    exchange.handle(FirstContent(0), 1.0)
    assert exchange.handle(LastContent(0), 2.0) == (
        ClearTimer(Timer.STALL),
        ClearTimer(Timer.HEARTBEAT),
        SetTimer(Timer.LINGER, LINGER_S),
    )
    assert exchange.state is State.LINGERING
    assert without_timers(exchange.handle(Ended(0), 2.1)) == [Finish(Outcome.SUCCESS_UPSTREAM)]


@pytest.mark.parametrize("timer", [Timer.LINGER, Timer.DEADLINE])
def test_usage_that_does_not_come_leaves_the_outcome_as_it_is(timer: Timer) -> None:
    exchange = begun(1)
    exchange.handle(FirstContent(0), 1.0)
    exchange.handle(LastContent(0), 2.0)
    assert exchange.handle(TimerFired(Timer.STALL), 2.1) == ()
    commands = without_timers(exchange.handle(TimerFired(timer), 2.5))
    assert commands == [CancelAttempt(0, None), Finish(Outcome.SUCCESS_UPSTREAM)]


def test_a_client_that_asked_for_usage_and_leaves_before_it_has_left_within_its_answer() -> None:
    exchange = begun(1)
    exchange.handle(FirstContent(0), 1.0)
    exchange.handle(LastContent(0), 2.0)
    commands = without_timers(exchange.handle(ClientGone(), 2.1))
    assert commands == [CancelAttempt(0, None), Finish(Outcome.CLIENT_GONE_DURING)]


@pytest.mark.parametrize("state", [State.SEEKING, State.WAITING, State.STREAMING])
def test_a_client_whose_stream_is_silent_is_sent_a_sign_of_life_again_and_again(state: State) -> None:
    exchange = Exchange(replace(plan(1), heartbeat_s=15.0), RetryBudget())
    assert SetTimer(Timer.HEARTBEAT, 15.0) in exchange.handle(Begin(), 0.0)
    if state is State.WAITING:
        exchange.handle(AttemptFailed(0, FailureKind.BUSY, 0.5), 1.0)
    if state is State.STREAMING:
        exchange.handle(FirstContent(0), 1.0)
    assert exchange.state is state
    assert exchange.handle(TimerFired(Timer.HEARTBEAT), 16.0) == (Beat(), SetTimer(Timer.HEARTBEAT, 15.0))
    assert exchange.state is state


def climbing_for_quality(*later: Event) -> tuple[Exchange, list[Command]]:
    """Let the small tier refuse, and see what comes of asking the stronger one."""
    rungs = tuple(Rung(TierName(f"tier{rank}"), 1, 4.0, None, rank=rank) for rank in range(2))
    exchange = Exchange(Plan(rungs, 3, frozenset(FailureKind), 100.0), RetryBudget())
    exchange.handle(Begin(), 0.0)
    assert without_timers(exchange.handle(AttemptFailed(0, FailureKind.REFUSAL), 1.0)) == [OpenAttempt(1, 1)]
    commands: list[Command] = []
    for event in later:
        commands += without_timers(exchange.handle(event, 2.0))
    return exchange, commands


def test_an_answer_that_is_not_good_enough_is_replaced_by_a_stronger_tiers() -> None:
    _, commands = climbing_for_quality(FirstContent(1))
    assert commands == [Commit(1)]


@pytest.mark.parametrize(
    ("event", "cancelled"),
    [
        (AttemptFailed(1, FailureKind.CONNECT), False),
        (AttemptFailed(1, FailureKind.REJECTED), False),
        (TimerFired(Timer.FIRST_CONTENT), True),
        (TimerFired(Timer.DEADLINE), True),
    ],
)
def test_when_no_better_answer_can_be_had_the_first_is_given(event: Event, cancelled: bool) -> None:
    exchange, commands = climbing_for_quality(event)
    assert commands == [CancelAttempt(1, FailureKind.TTFT)] * cancelled + [Commit(0)]
    assert exchange.handle(TimerFired(Timer.DEADLINE), 100.0) == (), "what is in hand is given, whatever the clock says"
    assert without_timers(exchange.handle(Ended(0), 100.1)) == [Finish(Outcome.SUCCESS_UPSTREAM)]


def test_of_two_answers_that_are_not_good_enough_the_last_is_given() -> None:
    _, commands = climbing_for_quality(AttemptFailed(1, FailureKind.EMPTY))
    assert commands == [Commit(1)]


def test_a_first_answer_is_given_when_the_time_is_up_while_a_stronger_tier_is_waited_for() -> None:
    exchange, commands = climbing_for_quality(AttemptFailed(1, FailureKind.BUSY, 0.5), TimerFired(Timer.DEADLINE))
    assert commands == [Commit(0)]
    assert exchange.state is State.STREAMING


def test_a_cost_storm_ends_the_climb_and_says_when_it_is_over() -> None:
    shut = replace(plan(1, 2), shut_s=lambda rung: 4.0 if rung else 0.0)
    exchange = Exchange(shut, RetryBudget())
    exchange.handle(Begin(), 0.0)
    assert without_timers(exchange.handle(AttemptFailed(0, FailureKind.SERVER_ERROR), 1.0)) == [
        Reject(ErrorCode.TIER_UNAVAILABLE, FailureKind.SERVER_ERROR, NoRetry.COST_STORM, 4.0),
        Finish(Outcome.UPSTREAM_FAILED),
    ]
