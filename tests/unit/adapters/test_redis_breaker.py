"""When Redis is left alone, and for how long."""

import pytest

from gateway.adapters.redis_breaker import BreakerSettings, RedisBreaker

SETTINGS = BreakerSettings(failures=3, open_s=1.0, open_s_max=30.0)


def test_the_breaker_opens_at_the_third_failure_in_a_row() -> None:
    breaker = RedisBreaker(SETTINGS, lambda: 0.0)
    assert [breaker.fail(), breaker.fail()] == [None, None]
    assert not breaker.is_open
    assert breaker.fail() == 1.0
    assert breaker.is_open


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    breaker = RedisBreaker(SETTINGS, lambda: 0.0)
    breaker.fail()
    breaker.fail()
    breaker.succeed()
    assert [breaker.fail(), breaker.fail()] == [None, None]
    assert not breaker.is_open


@pytest.mark.parametrize(("chance", "expected"), [(0.0, [1.0] * 7), (1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])])
def test_the_time_away_grows_to_its_ceiling_and_is_spread_between_floor_and_ceiling(
    chance: float, expected: list[float]
) -> None:
    breaker = RedisBreaker(SETTINGS, lambda: chance)
    breaker.fail()
    breaker.fail()
    assert [breaker.fail() for _ in range(7)] == expected


def test_a_success_closes_it_and_the_next_opening_is_short_again() -> None:
    breaker = RedisBreaker(BreakerSettings(1, 1.0, 30.0), lambda: 1.0)
    assert [breaker.fail() for _ in range(3)] == [1.0, 2.0, 4.0]
    breaker.succeed()
    assert not breaker.is_open
    assert breaker.fail() == 1.0
