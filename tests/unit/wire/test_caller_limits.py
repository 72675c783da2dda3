"""What a caller allows a request to take, read from its headers."""

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ledger import EXACT_MAX
from gateway.wire.caller_limits import NO_LIMITS, CallerLimits, caller_limits

TIMEOUT, DEADLINE, COST = b"x-request-timeout", b"x-tiergate-deadline-ms", b"x-tiergate-max-cost-usd"


def deadline_s(name: bytes, value: bytes, longest_s: float = 300.0) -> float | None:
    return caller_limits([(name, value)], longest_s).deadline_s


def refusal(name: bytes, value: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        caller_limits([(name, value)], 300.0)
    return caught.value


def test_most_callers_say_nothing() -> None:
    assert caller_limits([(b"content-type", b"application/json")], 300.0) is NO_LIMITS


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(b"0", 1.0), (b"-5", 1.0), (b"1e9", 300.0), (b"2.5", 2.5), (b" 30 ", 30.0), (b"9" * 40, 300.0), (b"1e999", 300.0)],
)
def test_a_timeout_is_kept_within_bounds(value: bytes, wanted: float) -> None:
    assert deadline_s(TIMEOUT, value) == wanted


def test_the_policy_may_allow_less_than_a_second() -> None:
    assert deadline_s(TIMEOUT, b"9", 0.5) == 0.5
    assert deadline_s(DEADLINE, b"9000", 0.5) == 0.5


@pytest.mark.parametrize("value", [b"abc", b"", b"nan", b"inf", b"1_0", b"1 2", b"9" * 65, b"\xb2"])
def test_a_timeout_that_is_no_number_is_refused(value: bytes) -> None:
    error = refusal(TIMEOUT, value)
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "x-request-timeout")


@pytest.mark.parametrize(
    ("value", "wanted"), [(b"1", 0.001), (b"2500", 2.5), (b" 040 ", 0.04), (b"300000", 300.0), (b"9" * 64, 300.0)]
)
def test_a_deadline_in_milliseconds_is_cut_to_the_routes(value: bytes, wanted: float) -> None:
    assert deadline_s(DEADLINE, value) == wanted


@pytest.mark.parametrize("value", [b"0", b"000", b"-5", b"2.5", b"1e3", b"", b"soon", b"9" * 65, b"\xb2"])
def test_a_deadline_that_is_no_whole_number_above_0_is_refused_by_its_name(value: bytes) -> None:
    error = refusal(DEADLINE, value)
    assert (error.status, error.code, error.param) == (400, ErrorCode.INVALID_VALUE, "x-tiergate-deadline-ms")
    assert "such as 2500" in error.message


def test_of_two_deadlines_the_earlier_counts_and_of_two_headers_the_first() -> None:
    assert caller_limits([(TIMEOUT, b"2"), (DEADLINE, b"1500")], 300.0).deadline_s == 1.5
    assert caller_limits([(TIMEOUT, b"2"), (DEADLINE, b"4000")], 300.0).deadline_s == 2.0
    assert caller_limits([(DEADLINE, b"4000"), (DEADLINE, b"9000")], 300.0).deadline_s == 4.0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"0", 0),
        (b"0.002", 2_000_000),
        (b" 1.50 ", 1_500_000_000),
        (b"0.0000000019", 1),
        (b"9" * 64, EXACT_MAX),
    ],
)
def test_a_ceiling_is_counted_exactly_and_never_rounded_up(value: bytes, wanted: int) -> None:
    assert caller_limits([(COST, value)], 300.0) == CallerLimits(None, wanted)


@pytest.mark.parametrize("value", [b"", b"-1", b".5", b"1.", b"1e-3", b"$1", b"nan", b"0." + b"0" * 63])
def test_a_ceiling_that_is_no_amount_is_refused_by_its_name(value: bytes) -> None:
    error = refusal(COST, value)
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "x-tiergate-max-cost-usd")
    assert "such as 0.002" in error.message
