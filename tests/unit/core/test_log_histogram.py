"""Durations by their logarithm."""

import pytest

from gateway.core.log_histogram import BUCKETS, bucket_of, end_s, middle_s, quantile_s, within_s


def counted(*durations_s: float) -> list[int]:
    counts = [0] * BUCKETS
    for duration_s in durations_s:
        counts[bucket_of(duration_s)] += 1
    return counts


@pytest.mark.parametrize("duration_s", [0.0011, 0.017, 0.6, 1.0, 4.2, 119.0, 1_500.0])
def test_a_bucket_stands_for_what_falls_into_it_within_nine_percent(duration_s: float) -> None:
    assert middle_s(bucket_of(duration_s)) == pytest.approx(duration_s, rel=0.091)


def test_buckets_grow_with_what_they_hold_and_what_is_beyond_goes_to_the_ends() -> None:
    middles_s = [middle_s(bucket) for bucket in range(BUCKETS)]
    assert middles_s == sorted(set(middles_s))
    assert (bucket_of(-1.0), bucket_of(0.0), bucket_of(0.001)) == (0, 0, 0)
    assert bucket_of(1e9) == BUCKETS - 1


def test_a_quantile_is_what_so_many_do_not_exceed() -> None:
    counts = counted(*[0.1] * 95, *[2.0] * 5)
    assert quantile_s(counts, 0.5) == quantile_s(counts, 0.95) == pytest.approx(0.1, rel=0.091)
    assert quantile_s(counts, 0.96) == quantile_s(counts, 1.0) == pytest.approx(2.0, rel=0.091)
    assert quantile_s(counts, 0.0) == quantile_s(counted(0.1), 0.5)


def test_nothing_in_a_bucket_is_longer_than_its_end() -> None:
    for bucket in range(BUCKETS - 1):
        assert bucket_of(0.999 * end_s(bucket)) == bucket
        assert bucket_of(1.001 * end_s(bucket)) == bucket + 1
    assert end_s(BUCKETS - 1) == middle_s(BUCKETS - 1)


def test_within_what_it_says_so_many_are_and_not_many_more() -> None:
    durations_s = [0.1 + 0.001 * number for number in range(1_000)]
    for share in (0.5, 0.9, 0.98):
        end = within_s(counted(*durations_s), share)
        assert end is not None
        exact_s = durations_s[int(share * 1_000) - 1]
        assert exact_s <= end <= exact_s * 2 ** (1 / 4)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile_s(counted(), 0.5) is None
    assert within_s(counted(), 0.5) is None
