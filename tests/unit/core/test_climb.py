"""What follows which failure: the safe-retry table over one request's ladder."""

from dataclasses import replace

import pytest

from gateway.core.climb import BRIEF_WAIT_S, JITTER_FIRST_S, JITTER_MAX_S, Climb, Step
from gateway.core.exchange_events import AttemptFailed, Plan, Rung
from gateway.domain.ids import TierName
from gateway.domain.outcome import OF_THE_ANSWER, FailureKind, NoRetry

NOW_S = 1_000.0
DEADLINE_S = 1_060.0


def ladder(*servers: int) -> tuple[Rung, ...]:
    """Build rungs with that many servers each, the windows growing."""
    return tuple(Rung(TierName(f"tier{n}"), count, 4.0, 30.0, 1_000 * (n + 1)) for n, count in enumerate(servers))


def plan(*servers: int) -> Plan:
    return Plan(ladder(*servers), 3, frozenset(FailureKind), DEADLINE_S)


def climbing(plan: Plan) -> Climb:
    """Begin: the first attempt is under way."""
    climb = Climb(plan)
    climb.take(Step(0))
    return climb


def failing(kind: FailureKind, retry_after_s: float | None = None) -> AttemptFailed:
    return AttemptFailed(0, kind, retry_after_s)


@pytest.mark.parametrize(
    ("kind", "rung"),
    [
        (FailureKind.CONNECT, 0),
        (FailureKind.NO_RESPONSE, 0),
        (FailureKind.SERVER_ERROR, 0),
        (FailureKind.BAD_ANSWER, 0),
        (FailureKind.TTFT, 1),
        (FailureKind.BUSY, 1),
        (FailureKind.CONTEXT_LENGTH, 1),
    ],
)
def test_a_servers_failure_goes_to_its_neighbour_and_a_tiers_to_the_next(kind: FailureKind, rung: int) -> None:
    assert climbing(plan(2, 2)).next(failing(kind), NOW_S) == Step(rung)


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.BROKEN, FailureKind.STALLED])
def test_some_failures_are_final(kind: FailureKind) -> None:
    assert climbing(plan(2, 2)).next(failing(kind), NOW_S) is NoRetry.FINAL


def test_a_kept_connection_that_died_is_replaced_once_at_the_same_server_whatever_the_policy_retries() -> None:
    climb = climbing(replace(plan(1), retry_on=frozenset(), max_attempts=1))
    step = climb.next(failing(FailureKind.STALE), NOW_S)
    assert step == Step(0, again=True)
    assert climb.take(Step(0, again=True)) == 1
    assert climb.opened <= climb.attempts_max
    assert climb.next(failing(FailureKind.STALE), NOW_S) is NoRetry.POLICY


def test_a_second_connection_that_died_is_the_servers_failure() -> None:
    climb = climbing(plan(2, 1))
    climb.take(Step(0, again=True))
    climb.next(failing(FailureKind.STALE), NOW_S)
    assert climb.next(failing(FailureKind.STALE), NOW_S) == Step(0), "its neighbour is asked"


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.STALE,
        FailureKind.NO_RESPONSE,
        FailureKind.TTFT,
        FailureKind.SERVER_ERROR,
        FailureKind.BAD_ANSWER,
    ],
)
def test_what_a_server_may_have_begun_is_not_repeated_where_that_does_harm(kind: FailureKind) -> None:
    harmful = replace(plan(2, 2), replayable=False)
    assert climbing(harmful).next(failing(kind), NOW_S) is NoRetry.NOT_REPLAYABLE


@pytest.mark.parametrize("kind", [FailureKind.CONNECT, FailureKind.BUSY, FailureKind.CONTEXT_LENGTH])
def test_what_no_server_began_is_repeated_all_the_same(kind: FailureKind) -> None:
    harmful = replace(plan(2, 2), replayable=False)
    assert isinstance(climbing(harmful).next(failing(kind), NOW_S), Step)


def test_the_policy_names_the_failures() -> None:
    careful = replace(plan(2, 2), retry_on=frozenset({FailureKind.TTFT}))
    assert climbing(careful).next(failing(FailureKind.CONNECT), NOW_S) is NoRetry.POLICY
    assert climbing(careful).next(failing(FailureKind.TTFT), NOW_S) == Step(1)


def test_attempts_are_counted() -> None:
    climb = climbing(plan(9))
    climb.take(Step(0))
    climb.take(Step(0))
    assert climb.next(failing(FailureKind.CONNECT), NOW_S) is NoRetry.MAX_ATTEMPTS


def test_a_ladder_comes_to_its_end() -> None:
    assert climbing(plan(1)).next(failing(FailureKind.CONNECT), NOW_S) is NoRetry.EXHAUSTED


def test_a_rung_that_cannot_answer_in_the_time_that_is_left_is_passed_over() -> None:
    late = replace(plan(1, 1, 1), expects_s=(0.0, 30.0, 1.0).__getitem__)
    assert climbing(late).next(failing(FailureKind.TTFT), NOW_S) == Step(1)
    assert climbing(late).next(failing(FailureKind.TTFT), DEADLINE_S - 30.0) == Step(2)
    assert climbing(late).next(failing(FailureKind.TTFT), DEADLINE_S - 0.5) is NoRetry.DEADLINE


@pytest.mark.parametrize("asked_s", [0.0, 0.5, BRIEF_WAIT_S])
def test_a_server_that_asks_for_little_is_waited_for(asked_s: float) -> None:
    assert climbing(plan(1, 1)).next(failing(FailureKind.BUSY, asked_s), NOW_S) == Step(0, asked_s, again=True)
    assert climbing(plan(2, 1)).next(failing(FailureKind.BUSY, asked_s), NOW_S) == Step(0, asked_s)


@pytest.mark.parametrize("asked_s", [BRIEF_WAIT_S + 0.001, 60.0, None])
def test_a_server_that_asks_for_more_or_says_nothing_is_left(asked_s: float | None) -> None:
    assert climbing(plan(2, 1)).next(failing(FailureKind.BUSY, asked_s), NOW_S) == Step(1)


def test_nobody_waits_beyond_the_deadline() -> None:
    late_s = DEADLINE_S - 0.4
    assert climbing(plan(1, 1)).next(failing(FailureKind.BUSY, 0.5), late_s) == Step(1)
    jittery = replace(plan(2), jitter=0.999)
    assert climbing(jittery).next(failing(FailureKind.BUSY), DEADLINE_S - 0.01) is NoRetry.DEADLINE
    assert climbing(plan(1)).next(failing(FailureKind.BUSY), NOW_S) is NoRetry.EXHAUSTED


def test_a_busy_tier_is_asked_again_after_a_pause_that_grows() -> None:
    climb = climbing(replace(plan(9), max_attempts=9, jitter=0.5))
    pauses = []
    for _ in range(7):
        step = climb.next(failing(FailureKind.BUSY), NOW_S)
        assert isinstance(step, Step)
        pauses.append(step.after_s)
        climb.take(step)
    assert pauses == [0.5 * min(JITTER_FIRST_S * 2**n, JITTER_MAX_S) for n in range(7)]


def test_a_prompt_too_long_goes_only_where_the_window_is_larger_wherever_that_stands() -> None:
    short, middle, long = ladder(1, 1, 1)
    climb = climbing(replace(plan(1), rungs=(middle, short, long)))
    assert climb.next(failing(FailureKind.CONTEXT_LENGTH), NOW_S) == Step(2)
    climb.take(Step(2))
    assert climb.next(failing(FailureKind.CONTEXT_LENGTH), NOW_S) is NoRetry.EXHAUSTED
    assert climbing(replace(plan(1), rungs=(long, middle))).next(failing(FailureKind.CONTEXT_LENGTH), NOW_S) is (
        NoRetry.EXHAUSTED
    )


def test_a_window_found_too_short_is_not_tried_after_another_failure_either() -> None:
    middle, short, long = ladder(2, 1, 1)[1], ladder(1)[0], ladder(1, 1, 1)[2]
    climb = climbing(replace(plan(1), rungs=(replace(middle, endpoints=2), long, short)))
    climb.next(failing(FailureKind.CONTEXT_LENGTH), NOW_S)
    climb.take(Step(1))
    assert climb.next(failing(FailureKind.CONNECT), NOW_S) is NoRetry.EXHAUSTED


@pytest.mark.parametrize("kind", sorted(OF_THE_ANSWER))
def test_an_answer_that_is_not_good_enough_leads_to_a_stronger_tier_and_nowhere_else(kind: FailureKind) -> None:
    middle, strong, weak = (Rung(TierName(f"tier{rank}"), 2, 4.0, None, rank=rank) for rank in (1, 2, 0))
    assert climbing(replace(plan(1), rungs=(middle, strong, weak))).next(failing(kind), NOW_S) == Step(1)
    assert climbing(replace(plan(1), rungs=(middle, weak))).next(failing(kind), NOW_S) is NoRetry.EXHAUSTED


def test_a_hedge_takes_a_server_to_spare_in_the_time_that_is_left() -> None:
    assert climbing(plan(2)).hedge(NOW_S) == Step(0)
    assert climbing(plan(1, 2)).hedge(NOW_S) is None
    assert climbing(plan(2)).hedge(DEADLINE_S) is None
    assert climbing(replace(plan(2), max_attempts=1)).hedge(NOW_S) is None


def test_a_rung_that_is_shut_is_passed_and_where_no_other_is_left_it_is_told_when_it_opens() -> None:
    shut = replace(plan(1, 1, 2), shut_s=lambda rung: {1: 7.5, 2: 2.5}.get(rung, 0.0))
    climb = climbing(replace(plan(1, 1, 2), shut_s=lambda rung: 7.5 if rung == 1 else 0.0))
    assert climb.next(failing(FailureKind.SERVER_ERROR), NOW_S) == Step(2)
    assert climb.opens_in_s is None
    climb = climbing(shut)
    assert climb.next(failing(FailureKind.SERVER_ERROR), NOW_S) is NoRetry.COST_STORM
    assert climb.opens_in_s == 2.5
