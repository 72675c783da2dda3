"""Which requests have their spans exported."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.telemetry_choice import is_exported
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import StageTimes
from gateway.domain.trace import Trace
from tests.support.receipt_samples import a_receipt, an_attempt

UNSAMPLED = Trace("a" * 32, "b" * 16, "", False, makes_spans=True)


@pytest.mark.parametrize(
    ("changes", "is_wanted"),
    [
        ({}, False),
        ({"trace": None}, False),
        ({"trace": replace(UNSAMPLED, is_sampled=True)}, True),
        ({"trace": replace(UNSAMPLED, is_sampled=True, makes_spans=False)}, False),
        ({"times": StageTimes(end_ms=5_000.0)}, True),
        ({"times": StageTimes(end_ms=4_999.0)}, False),
        ({"outcome": Outcome.CLIENT_REJECTED, "error": ErrorCode.INVALID_API_KEY}, False),
        ({"outcome": Outcome.THROTTLED, "error": ErrorCode.RATE_LIMIT_EXCEEDED}, False),
        ({"outcome": Outcome.UPSTREAM_FAILED, "error": ErrorCode.UPSTREAM_ERROR}, True),
        ({"outcome": Outcome.INTERNAL, "error": ErrorCode.INTERNAL_ERROR}, True),
        ({"outcome": Outcome.STREAM_TRUNCATED}, True),
        ({"attempts": (an_attempt(1, failure=FailureKind.BUSY), an_attempt(2, "large"))}, True),
    ],
)
def test_a_share_and_whatever_one_would_look_for(changes: dict[str, Any], is_wanted: bool) -> None:
    assert is_exported(a_receipt(**{"trace": UNSAMPLED, **changes}), slow_ms=5_000.0) is is_wanted
