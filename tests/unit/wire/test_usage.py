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
    assert usage_from_timings(Timings(5, 2, 4)) == TokenUsage(7, 4, 2)


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
    assert widest(None, None) is None


def test_clients_are_told_the_sum_too() -> None:
    told = usage_object(TokenUsage(9, 4, 3, 2))
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (9, 4, 13)
    assert told["completion_tokens_details"] == {"reasoning_tokens": 2}
