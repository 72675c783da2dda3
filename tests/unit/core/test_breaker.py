"""When an endpoint is left alone, and how it comes back."""

import pytest

from gateway.core.breaker import (
    EJECTION_S,
    EJECTION_S_MAX,
    PROBE_AGAIN_S,
    PROBE_S,
    RAMP_S,
    Breaker,
    Failure,
    Standing,
)

MIDDLE = 0.5
"""Of chance: no jitter."""


def fail(breaker: Breaker, times: int, now_s: float, failure: Failure = Failure.SERVER) -> None:
    for _ in range(times):
        breaker.failed(failure, now_s, now_s, MIDDLE)


def standing(breaker: Breaker) -> Standing:
    """Return what it is good for. A call, since it changes between two looks."""
    return breaker.standing


def ejected(at_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    fail(breaker, 5, at_s)
    assert standing(breaker) is Standing.EJECTED
    return breaker


def bring_back(breaker: Breaker, now_s: float) -> float:
    """Probe until it serves again, and return when that is."""
    breaker.advance(now_s)
    for probe in range(3):
        at_s = now_s + probe * PROBE_S
        assert breaker.wants_probe(at_s)
        breaker.succeeded(at_s, at_s)
    assert standing(breaker) is Standing.RAMPING
    return at_s


@pytest.mark.parametrize("failure", [Failure.SERVER, Failure.UNREACHABLE, Failure.SLOW])
def test_five_failures_in_a_row_eject(failure: Failure) -> None:
    breaker = Breaker()
    fail(breaker, 4, 0.0, failure)
    assert not breaker.is_open
    fail(breaker, 1, 0.0, failure)
    assert (breaker.is_open, breaker.cause, breaker.ejected) == (True, failure, {failure: 1})


def test_an_answer_between_breaks_the_row() -> None:
    breaker = Breaker()
    fail(breaker, 4, 0.0)
    breaker.succeeded(0.0, 0.0)
    fail(breaker, 4, 0.0)
    assert standing(breaker) is Standing.HEALTHY


def test_an_answer_that_breaks_off_after_its_beginning_breaks_no_row() -> None:
    breaker = Breaker()
    for _ in range(5):
        row = breaker.row
        breaker.succeeded(0.0, 0.0)
        breaker.failed(Failure.SERVER, 0.0, 0.0, MIDDLE, row=row)
    assert standing(breaker) is Standing.EJECTED


def test_half_of_twenty_within_half_a_minute_eject() -> None:
    breaker = Breaker()
    for second in range(19):
        if second % 2:
            breaker.failed(Failure.SERVER, second, second, MIDDLE)
        else:
            breaker.succeeded(second, second)
    assert standing(breaker) is Standing.HEALTHY, "nineteen are too few"
    breaker.failed(Failure.SERVER, 19.0, 19.0, MIDDLE)
    assert standing(breaker) is Standing.EJECTED


def test_failures_of_more_than_half_a_minute_ago_are_forgotten() -> None:
    breaker = Breaker()
    for second in (0.0, 31.0):
        for _ in range(9):
            breaker.succeeded(second, second)
            breaker.failed(Failure.SERVER, second, second, MIDDLE)
    assert standing(breaker) is Standing.HEALTHY, "eighteen of thirty-six, never twenty within the time"
    breaker.succeeded(35.0, 35.0)
    breaker.failed(Failure.SERVER, 36.0, 36.0, MIDDLE)
    assert standing(breaker) is Standing.EJECTED


def test_a_wrong_key_ejects_at_once() -> None:
    breaker = Breaker()
    fail(breaker, 1, 0.0, Failure.CREDENTIALS)
    assert (breaker.standing, breaker.cause) == (Standing.EJECTED, Failure.CREDENTIALS)


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_an_ejection_lasts_ten_seconds_give_or_take_a_fifth(chance: float, factor: float) -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(Failure.SERVER, 100.0, 100.0, chance)
    assert breaker.until_s == pytest.approx(100.0 + EJECTION_S * factor)
    breaker.advance(breaker.until_s - 0.01)
    assert standing(breaker) is Standing.EJECTED
    assert not breaker.wants_probe(breaker.until_s - 0.01)
    breaker.advance(breaker.until_s)
    assert breaker.wants_probe(breaker.until_s)


def test_three_probes_a_second_apart_bring_it_back_over_ten_seconds() -> None:
    breaker = ejected()
    at_s = bring_back(breaker, EJECTION_S)
    assert breaker.weight(at_s) == pytest.approx(0.1)
    assert breaker.weight(at_s + RAMP_S / 2) == pytest.approx(0.55)
    breaker.advance(at_s + RAMP_S)
    assert (breaker.standing, breaker.weight(at_s + RAMP_S), breaker.cause) == (Standing.HEALTHY, 1.0, None)


def test_it_is_not_probed_sooner_than_a_second_after_a_good_probe() -> None:
    breaker = ejected()
    breaker.advance(EJECTION_S)
    breaker.succeeded(EJECTION_S, EJECTION_S)
    assert not breaker.wants_probe(EJECTION_S + PROBE_S - 0.01)
    assert breaker.wants_probe(EJECTION_S + PROBE_S)


def test_a_failed_probe_waits_and_does_not_lengthen_the_outage() -> None:
    breaker = ejected()
    now_s = EJECTION_S
    breaker.advance(now_s)
    for _ in range(100):
        breaker.succeeded(now_s, now_s)
        fail(breaker, 1, now_s)
        assert breaker.until_s - now_s == PROBE_AGAIN_S
        now_s = breaker.until_s
    assert breaker.ejected[Failure.SERVER] == 1
    bring_back(breaker, now_s)


def test_what_began_before_the_ejection_tells_nothing() -> None:
    breaker = ejected(100.0)
    for _ in range(3):
        breaker.succeeded(99.0, 101.0)
    assert standing(breaker) is Standing.EJECTED
    breaker.succeeded(101.0, 102.0)
    breaker.succeeded(101.0, 102.0)
    breaker.failed(Failure.SERVER, 99.0, 103.0, MIDDLE)
    breaker.succeeded(101.0, 104.0)
    assert standing(breaker) is Standing.RAMPING, "three requests that were let through serve as probes"


def test_two_failures_while_it_ramps_send_it_back_for_longer() -> None:
    breaker = ejected()
    at_s = bring_back(breaker, EJECTION_S)
    fail(breaker, 1, at_s)
    assert standing(breaker) is Standing.RAMPING
    fail(breaker, 1, at_s)
    assert standing(breaker) is Standing.EJECTED
    assert breaker.until_s - at_s == 2 * EJECTION_S


def test_ejections_grow_to_five_minutes_and_are_forgotten_after_as_long_in_service() -> None:
    breaker, now_s = Breaker(), 0.0
    lengths_s = []
    for _ in range(35):
        fail(breaker, 5, now_s)
        lengths_s.append(breaker.until_s - now_s)
        now_s = bring_back(breaker, breaker.until_s)
    assert lengths_s == [min(EJECTION_S * count, EJECTION_S_MAX) for count in range(1, 36)]
    breaker.advance(now_s + RAMP_S)
    now_s += EJECTION_S_MAX
    fail(breaker, 5, now_s)
    assert breaker.until_s - now_s == EJECTION_S


def test_a_flapping_endpoint_is_touched_by_few_requests() -> None:
    """Case 75: two seconds up, two seconds down, for an hour at ten requests a second."""
    breaker, touched = Breaker(), 0
    requests = 36_000
    for tick in range(requests):
        now_s = tick / 10
        is_up = now_s % 4.0 < 2.0
        breaker.advance(now_s)
        sent = breaker.weight(now_s) > (tick * 7 % 10) / 10
        if not (sent or breaker.wants_probe(now_s)):
            continue
        touched += sent
        if is_up:
            breaker.succeeded(now_s, now_s)
        else:
            breaker.failed(Failure.UNREACHABLE, now_s, now_s, tick * 13 % 100 / 100)
    assert touched <= requests // 100
