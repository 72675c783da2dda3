"""Histograms read from a gateway's metrics."""

from load_tests.scrape import added_bound, buckets_of

BEFORE = """\
# TYPE wait_seconds histogram
wait_seconds_bucket{worker="1",le="0.01"} 5
wait_seconds_bucket{worker="1",le="0.1"} 6
wait_seconds_bucket{worker="1",le="+Inf"} 6
other_seconds_bucket{le="0.01"} 100
"""
AFTER = BEFORE.replace(" 5", " 14").replace(" 6", " 16") + 'wait_seconds_bucket{worker="2",le="+Inf"} 0\n'


def test_what_was_added_between_two_readings_has_a_bound_for_each_share() -> None:
    before, after = buckets_of(BEFORE, "wait_seconds"), buckets_of(AFTER, "wait_seconds")
    assert added_bound(before, after, 0.9) == 0.01
    assert added_bound(before, after, 0.99) == 0.1


def test_of_nothing_there_is_no_bound() -> None:
    found = buckets_of(BEFORE, "wait_seconds")
    assert added_bound(found, found, 0.5) is None
    assert added_bound({}, buckets_of(BEFORE, "absent_seconds"), 0.5) is None
