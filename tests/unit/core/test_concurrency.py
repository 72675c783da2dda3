"""How many requests an endpoint may have at once."""

from gateway.core.concurrency import BUSY_FACTOR, LIMIT_MIN, WINDOW_S, ConcurrencyLimit

POLICY = 64


def window(limit: ConcurrencyLimit, ratio: float, in_flight: int, now_s: float, policy: int = POLICY) -> float:
    """Let a window's worth of answers begin; return when the next may."""
    for step in range(4):
        limit.observe(ratio, in_flight, policy, now_s + step * WINDOW_S / 3)
    return now_s + 2 * WINDOW_S


def learnt(ratio: float = 1.7, in_flight: int = 40) -> tuple[ConcurrencyLimit, float]:
    limit = ConcurrencyLimit()
    return limit, window(limit, ratio, in_flight, 0.0)


def test_without_a_late_answer_there_is_no_limit_but_the_policys() -> None:
    limit, now_s = ConcurrencyLimit(), 0.0
    for _ in range(20):
        now_s = window(limit, 1.4, POLICY, now_s)
    assert (limit.most(POLICY), limit.most(1_000)) == (POLICY, 1_000)


def test_late_answers_bring_the_limit_below_what_was_under_way() -> None:
    limit, now_s = learnt(ratio=3.0)
    assert 30 < limit.most(POLICY) < 40
    for _ in range(100):
        now_s = window(limit, 10.0, limit.most(POLICY), now_s)
    assert LIMIT_MIN <= limit.most(POLICY) <= 6


def test_it_grows_back_while_it_is_used_and_answers_are_in_time() -> None:
    limit, now_s = learnt(ratio=3.0)
    low = limit.most(POLICY)
    for _ in range(3):
        now_s = window(limit, 1.0, low // 3, now_s)
    assert limit.most(POLICY) == low, "unused, it stays"
    for _ in range(60):
        now_s = window(limit, 1.0, limit.most(POLICY), now_s)
    assert limit.most(1_000) == 1_000, "at the policy's limit it is lifted"


def test_answers_that_are_a_little_late_hold_it_where_queues_are_short() -> None:
    limit, now_s = learnt(ratio=3.0)
    for _ in range(200):
        now_s = window(limit, 2.0, limit.most(POLICY), now_s)
    assert LIMIT_MIN < limit.most(POLICY) < 20


def test_one_odd_answer_is_no_trend() -> None:
    limit = ConcurrencyLimit()
    limit.observe(100.0, 40, POLICY, 0.0)
    assert limit.most(POLICY) == POLICY
    limit.observe(100.0, 40, POLICY, 4 * WINDOW_S)
    assert limit.most(POLICY) < 40


def test_a_server_that_says_it_is_busy_gets_less_than_it_had_once_a_burst() -> None:
    limit = ConcurrencyLimit()
    for _ in range(30):
        limit.refused(50, 10.0)
    assert limit.most(POLICY) == int(50 * BUSY_FACTOR)
    limit.refused(80, 10.0 + WINDOW_S)
    assert limit.most(POLICY) == int(50 * BUSY_FACTOR * BUSY_FACTOR)
    limit.refused(0, 10.0 + 2 * WINDOW_S)
    assert limit.most(POLICY) == LIMIT_MIN


def test_the_policys_limit_is_never_exceeded_even_below_the_least() -> None:
    limit, _ = learnt()
    assert limit.most(2) == 2
