"""Feedback as it comes and as it is told again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import ERRORS, ErrorCode, GatewayError
from gateway.domain.feedback import FeedbackOutcome
from gateway.domain.ids import RequestId
from gateway.wire.feedback_json import COMMENT_BYTES_MAX, Opinion, read_feedback, write_feedback
from tests.support.labels import ANSWERED, GOOD


def test_what_is_said_is_read_and_what_else_is_there_passed_over() -> None:
    body = b'{"request_id": "req-1", "score": 1, "comment": null, "model": {"a": [1, 1]}, "model2": {"a": 1, "a": 2}}'
    assert read_feedback(body) == Opinion(RequestId("req-1"), 1.0, "")


def test_a_comment_may_be_as_long_as_is_said_in_bytes() -> None:
    longest = "é" * (COMMENT_BYTES_MAX // 2)
    assert read_feedback(json.dumps({"request_id": "r", "score": 0, "comment": longest}).encode()).comment == longest
    with pytest.raises(GatewayError, match="2048 bytes"):
        read_feedback(json.dumps({"request_id": "r", "score": 0, "comment": longest + "x"}).encode())


def status_of(body: bytes) -> int:
    try:
        read_feedback(body)
    except GatewayError as error:
        return ERRORS[error.code].status
    return 200


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_comes_is_read_or_refused_with_a_reason(body: bytes) -> None:
    assert status_of(body) in range(200, 500)


def test_what_is_on_record_is_told_with_what_became_of_the_call() -> None:
    told = json.loads(write_feedback(ANSWERED, GOOD, FeedbackOutcome.REPEATED))
    assert told == {
        "object": "feedback",
        "request_id": "req-1",
        "tier": "small",
        "score": 1.0,
        "comment": "",
        "recorded_at_s": GOOD.at_s,
        "outcome": "repeated",
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", ErrorCode.MALFORMED_BODY),
        (b'{"request_id": "r", "score": 1, "comment": "\xff"}', ErrorCode.MALFORMED_BODY),
        (b'{"request_id": "r", "score": 1, "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ErrorCode.TOO_DEEP),
    ],
)
def test_what_is_no_json_or_nests_too_deep_is_refused_with_that_reason(body: bytes, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as refused:
        read_feedback(body)
    assert refused.value.code is code


def test_a_key_given_twice_is_refused_since_it_can_be_read_in_two_ways() -> None:
    with pytest.raises(GatewayError, match="'score' is given twice") as refused:
        read_feedback(b'{"request_id": "r", "score": 1, "score": 0}')
    assert (refused.value.code, refused.value.param) == (ErrorCode.DUPLICATE_KEY, "score")
