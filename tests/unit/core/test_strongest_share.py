"""How much of a key's traffic the strongest tier may take."""

from gateway.core.strongest_share import FREE, SLOT_S, WINDOW_S, StrongestShares
from gateway.domain.ids import KeyId

KEY, OTHER = KeyId("team/0"), KeyId("team/1")


def counted(
    requests: int, strongest: int, *, now_s: float = 0.0, shares: StrongestShares | None = None
) -> StrongestShares:
    shares = shares or StrongestShares()
    for number in range(requests):
        shares.count(KEY, now_s, strongest=number < strongest)
    return shares


def test_a_key_of_which_little_was_seen_may_go_where_it_likes() -> None:
    assert not StrongestShares().is_spent(KEY, 0.0, 0.0)
    assert not counted(FREE - 1, FREE - 1).is_spent(KEY, 0.1, 0.0)
    assert counted(FREE, FREE).is_spent(KEY, 0.1, 0.0)


def test_the_share_is_spent_when_one_more_would_exceed_it() -> None:
    assert not counted(24, 9).is_spent(KEY, 0.4, 0.0)
    assert counted(24, 10).is_spent(KEY, 0.4, 0.0)
    assert not counted(100, 100).is_spent(KEY, 1.0, 0.0)
    assert counted(100, 0).is_spent(KEY, 0.0, 0.0)


def test_each_key_has_its_own_share() -> None:
    assert not counted(100, 100).is_spent(OTHER, 0.1, 0.0)


def test_an_hour_later_it_is_forgotten_minute_by_minute() -> None:
    shares = counted(50, 50)
    counted(50, 0, now_s=SLOT_S, shares=shares)
    assert shares.is_spent(KEY, 0.4, WINDOW_S - 0.1)
    assert not shares.is_spent(KEY, 0.4, WINDOW_S)
    counted(1, 0, now_s=WINDOW_S + SLOT_S, shares=shares)
    assert not shares.is_spent(KEY, 0.0, WINDOW_S + SLOT_S), "and begins anew"


def test_a_busy_hour_takes_no_more_memory_than_its_minutes() -> None:
    shares = StrongestShares()
    for second in range(2 * 3_600):
        shares.count(KEY, float(second), strongest=second % 2 == 0)
    assert shares.is_spent(KEY, 0.49, 7_199.0)
    assert not shares.is_spent(KEY, 0.51, 7_199.0)
