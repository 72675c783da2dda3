"""How many requests may be under way."""

import pytest

from gateway.core.admission import Admission, Stage
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId
from gateway.domain.limits import EdgeLimits

KEY, OTHER = KeyId("a"), KeyId("b")


def refused(admission: Admission, key: KeyId, limits: EdgeLimits) -> ErrorCode:
    with pytest.raises(GatewayError) as caught:
        admission.enter(key, limits)
    assert caught.value.retry_after_s is not None
    return caught.value.code


def test_requests_are_counted_in_and_out() -> None:
    admission = Admission()
    admission.enter(KEY, EdgeLimits())
    admission.enter(KEY, EdgeLimits())
    assert admission.in_flight == 2
    admission.leave(KEY)
    admission.leave(KEY)
    assert admission.in_flight == 0


def test_one_key_at_its_limit_leaves_room_for_another() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight_per_key=1)
    admission.enter(KEY, limits)
    assert refused(admission, KEY, limits) is ErrorCode.RATE_LIMIT_EXCEEDED
    admission.enter(OTHER, limits)


def test_worker_at_its_limit_sheds() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1)
    admission.enter(KEY, limits)
    assert refused(admission, OTHER, limits) is ErrorCode.OVERLOADED
    admission.leave(KEY)
    admission.enter(OTHER, limits)


def test_a_lame_duck_still_takes_requests() -> None:
    admission = Admission()
    before = admission.is_leaving
    admission.resign()
    assert (before, admission.is_leaving) == (False, True)
    admission.enter(KEY, EdgeLimits())


def test_draining_worker_refuses_what_is_new() -> None:
    admission = Admission()
    admission.enter(KEY, EdgeLimits())
    admission.drain()
    admission.resign()
    assert admission.stage is Stage.DRAINING, "there is no way back"
    assert refused(admission, KEY, EdgeLimits()) is ErrorCode.DRAINING
    assert admission.in_flight == 1


def test_leaving_without_having_entered_is_a_programming_error() -> None:
    with pytest.raises(AssertionError):
        Admission().leave(KEY)
