"""The limit falls while the event loop is late, and comes back."""

from gateway.core.pressure import LIMIT_MIN, Pressure

MAX = 2_000
TARGET_S = 0.03


def noted(pressure: Pressure, lag_s: float, ticks: int, *, in_flight: int = 500, from_s: float = 0.0) -> float:
    """Note the same lag at every tick; return the time then."""
    now_s = from_s
    for _ in range(ticks):
        now_s += 0.05
        pressure.note(lag_s, now_s, TARGET_S, in_flight, MAX)
    return now_s


def test_a_loop_on_time_is_not_limited() -> None:
    pressure = Pressure()
    noted(pressure, 0.001, 100)
    assert pressure.limit >= MAX


def test_one_pause_does_not_count_and_a_lasting_lag_does() -> None:
    pressure = Pressure()
    noted(pressure, 0.1, 1)
    assert pressure.limit >= MAX
    noted(pressure, 0.1, 20, from_s=0.05)
    assert pressure.limit < 500


def test_the_limit_falls_below_what_is_under_way_by_how_late_the_loop_is() -> None:
    slightly, badly = Pressure(), Pressure()
    noted(slightly, 0.035, 30)
    noted(badly, 1.0, 30)
    assert badly.limit < slightly.limit < 500


def test_so_few_requests_as_cannot_keep_a_loop_busy_are_always_let_in() -> None:
    pressure = Pressure()
    noted(pressure, 1.0, 1_000, in_flight=3)
    assert pressure.limit == LIMIT_MIN


def test_a_loop_that_is_on_time_again_takes_everything_within_seconds() -> None:
    pressure = Pressure()
    late_s = noted(pressure, 0.5, 200)
    assert pressure.limit == LIMIT_MIN
    noted(pressure, 0.0, 12 * 20, from_s=late_s)
    assert pressure.limit >= MAX


def test_off_adapts_nothing_and_measures_all_the_same() -> None:
    pressure = Pressure()
    for tick in range(100):
        pressure.note(1.0, 0.05 * tick, None, 500, MAX)
    assert pressure.limit >= MAX
    assert pressure.lag_s > 0.9
