"""How fast requests move away from a tier that misses its objective, and back."""

import pytest

from gateway.core.slo_shift import CALM_S, STEP_S, STEPS_MAX, SloShift, is_breach


@pytest.mark.parametrize(
    ("missed", "total", "wanted"),
    [(0, 1_000, False), (3, 19, False), (2, 20, False), (3, 20, True), (5, 100, False), (6, 100, True), (20, 20, True)],
)
def test_a_breach_takes_more_than_one_miss_in_twenty_and_enough_streams_to_say_so(
    missed: int, total: int, *, wanted: bool
) -> None:
    assert is_breach(missed, total) is wanted


def looked(shift: SloShift, seconds: range, *, breached: bool) -> list[float]:
    """Look once a second; return the share after each look."""
    shares = []
    for second in seconds:
        shift.look(float(second), breached=breached)
        shares.append(shift.share)
    return shares


def test_a_tenth_of_the_requests_moves_away_every_ten_seconds_and_a_tenth_stays() -> None:
    shares = looked(SloShift(), range(200), breached=True)
    assert shares[0] == 0.1
    assert shares[9] == 0.1
    assert shares[10] == 0.2
    assert max(shares) == shares[-1] == STEPS_MAX / 10 == 0.9
    for now, later in zip(shares, shares[int(STEP_S) :], strict=False):
        assert later - now <= 0.1 + 1e-9


def test_they_come_back_after_a_minute_of_calm_and_as_slowly() -> None:
    shift = SloShift()
    looked(shift, range(30), breached=True)
    assert shift.share == 0.3
    shares = looked(shift, range(30, 130), breached=False)
    calm = int(CALM_S)
    assert set(shares[: calm - 1]) == {0.3}
    assert [shares[calm - 1], shares[calm + 8], shares[calm + 9], shares[calm + 19]] == [0.2, 0.2, 0.1, 0.0]


def test_a_breach_within_the_minute_begins_it_anew() -> None:
    shift = SloShift()
    looked(shift, range(15), breached=True)
    looked(shift, range(15, 70), breached=False)
    shift.look(70.0, breached=True)
    assert shift.share == 0.3
    assert set(looked(shift, range(71, 130), breached=False)) == {0.3}


def test_the_time_counts_though_nobody_looks() -> None:
    shift = SloShift()
    looked(shift, range(50), breached=True)
    shift.look(49.0 + CALM_S + 2 * STEP_S, breached=False)
    assert shift.share == pytest.approx(0.2)
    shift.look(10_000.0, breached=False)
    assert shift.share == 0.0


def test_a_tier_that_keeps_its_objective_keeps_its_requests() -> None:
    assert set(looked(SloShift(), range(100), breached=False)) == {0.0}
