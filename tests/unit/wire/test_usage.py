"""Counts are believed only where they can be true."""

import pytest

from gateway.domain.usage import TokenUsage
from gateway.wire.usage import (
    ReportedUsage,
    Timings,
    TokenDetails,
    usage_from,
    usage_from_timings,
    usage_object,
    widest,
)


def test_a_report_becomes_the_canonical_form() -> None:
    reported = ReportedUsage(9, 4, TokenDetails(cached_tokens=3), TokenDetails(reasoning_tokens=2))
    assert usage_from(reported) == TokenUsage(9, 4, 3, 2)
    assert usage_from(ReportedUsage(9, None, TokenDetails())) == TokenUsage(9, 0)
    assert usage_from(ReportedUsage(total_tokens=15)) == TokenUsage(15, 0)
    assert usage_from(ReportedUsage(9, 0, total_tokens=15)) == TokenUsage(9, 0)
    assert usage_from_timings(Timings(5, 2, 4)) == TokenUsage(7, 4, 2)
    written = ReportedUsage(9, 4, TokenDetails(cached_tokens=3, cache_write_tokens=5))
    assert usage_from(written) == TokenUsage(9, 4, 3, cache_write_tokens=5)
    too_many = ReportedUsage(9, 4, TokenDetails(cached_tokens=3, cache_write_tokens=8))
    assert usage_from(too_many) == TokenUsage(9, 4, 3, cache_write_tokens=6)


@pytest.mark.parametrize(
    "reported",
    [
        ReportedUsage(),
        ReportedUsage(0, 0),
        ReportedUsage(-1, 4),
        ReportedUsage(2**31, 4),
        ReportedUsage(9, 4, TokenDetails(cached_tokens=-1)),
    ],
)
def test_what_cannot_be_true_is_no_report(reported: ReportedUsage) -> None:
    assert usage_from(reported) is None


def test_the_widest_of_two_takes_each_fields_larger() -> None:
    one, other = TokenUsage(9, 1, 3, 0), TokenUsage(4, 7, 0, 2)
    assert widest(one, other) == TokenUsage(9, 7, 3, 2)
    assert widest(one, None) == widest(None, one) == one
    read, written = TokenUsage(10, 0, 8), TokenUsage(10, 0, 0, cache_write_tokens=7)
    assert widest(read, written) == TokenUsage(10, 0, 8, cache_write_tokens=2)
    assert widest(None, None) is None


def test_clients_are_told_the_sum_too() -> None:
    told = usage_object(TokenUsage(9, 4, 3, 2))
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (9, 4, 13)
    assert told["prompt_tokens_details"] == {"cached_tokens": 3}
    assert told["completion_tokens_details"] == {"reasoning_tokens": 2}
    written = usage_object(TokenUsage(9, 4, 3, cache_write_tokens=5))
    assert written["prompt_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 5}
