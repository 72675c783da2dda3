"""What was seen of a tier in the last half minute."""

import pytest

from gateway.core.log_histogram import BUCKETS, bucket_of
from gateway.core.slo_window import ITL_MISSED, ITL_ROW, KINDS, TTFT_MISSED, TTFT_ROWS, WINDOW_S, SloWindow, size_of

FAST, SLOW = bucket_of(0.2), bucket_of(3.0)


def test_prompts_are_told_apart_by_their_length() -> None:
    lengths_tokens = (0, 1_000, 1_001, 4_000, 16_000, 64_000, 64_001, 10**9)
    assert [size_of(tokens) for tokens in lengths_tokens] == [0, 0, 1, 1, 2, 3, 4, 4]
    assert size_of(10**9) == TTFT_ROWS - 1


def test_what_is_older_than_the_window_is_forgotten_second_by_second() -> None:
    window = SloWindow()
    window.add(FAST, 1, 0.0)
    window.add(FAST, 2, 0.9)
    window.add(SLOW, 1, 1.5)
    window.add(TTFT_MISSED, 1, 1.5)
    assert window.misses() == ((1, 4), (0, 0))
    window.expire(WINDOW_S - 0.1)
    assert window.misses() == ((1, 4), (0, 0))
    window.expire(WINDOW_S)
    assert window.misses() == ((1, 1), (0, 0))
    window.expire(WINDOW_S + 1.5)
    assert window.misses() == ((0, 0), (0, 0))
    assert window.ttft_s(0.5) is None


def test_counting_by_itself_forgets_what_is_old() -> None:
    window = SloWindow()
    for second in range(1_000):
        window.add(FAST, 1, float(second))
    assert window.misses()[0] == (0, int(WINDOW_S))


def test_times_and_gaps_are_kept_apart() -> None:
    window = SloWindow()
    window.add(FAST, 9, 0.0)
    window.add(BUCKETS + SLOW, 1, 0.0)
    window.add(ITL_ROW * BUCKETS + bucket_of(0.03), 4, 0.0)
    window.add(ITL_MISSED, 2, 0.0)
    assert window.ttft_s(0.5) == pytest.approx(0.2, rel=0.091)
    assert window.ttft_s(1.0) == pytest.approx(3.0, rel=0.091)
    assert window.itl_s(0.5) == pytest.approx(0.03, rel=0.091)
    assert (sum(window.ttft_counts(0)), sum(window.ttft_counts(1))) == (9, 1)
    assert window.misses() == ((0, 10), (2, 4))


def test_what_another_worker_counted_adds_up_and_nonsense_is_passed_over() -> None:
    window = SloWindow()
    window.add(FAST, 1, 0.0)
    window.merge({FAST: 2, SLOW: 1, KINDS: 7, -1: 7, TTFT_MISSED: -3}, 0.5)
    assert window.misses() == ((0, 4), (0, 0))
