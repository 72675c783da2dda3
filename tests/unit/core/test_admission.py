"""Who comes in, who waits and who is told to come back."""

from itertools import count

import pytest

from gateway.core.admission import ACTIVE_S, RETRY_S_MAX, Admission, Place, Stage
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.limits import EdgeLimits

NO_QUEUE = EdgeLimits(in_flight=1, queue=0)


def enter(admission: Admission, limits: EdgeLimits, *, name: str = "a", share: float = 1.0) -> Place:
    return admission.enter(KeyId(name), TenantId(name), share, limits)


def refused(admission: Admission, limits: EdgeLimits, *, name: str = "a") -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        enter(admission, limits, name=name)
    assert caught.value.retry_after_s is not None
    return caught.value


def test_requests_are_counted_in_and_out() -> None:
    admission, limits = Admission(), EdgeLimits()
    places = [enter(admission, limits) for _ in range(2)]
    assert admission.in_flight == 2
    for place in places:
        assert place.is_granted
        assert admission.leave(place, limits) == []
    assert admission.in_flight == 0


def test_one_key_at_its_limit_leaves_room_for_another() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight_per_key=1)
    enter(admission, limits)
    assert refused(admission, limits).code is ErrorCode.RATE_LIMIT_EXCEEDED
    assert enter(admission, limits, name="b").is_granted


def test_a_request_that_waits_counts_for_its_key() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, in_flight_per_key=2)
    enter(admission, limits)
    assert not enter(admission, limits).is_granted
    assert refused(admission, limits).code is ErrorCode.RATE_LIMIT_EXCEEDED


def test_without_a_queue_a_worker_at_its_limit_sheds() -> None:
    admission = Admission()
    place = enter(admission, NO_QUEUE)
    assert refused(admission, NO_QUEUE, name="b").code is ErrorCode.OVERLOADED
    assert admission.shed == 1
    admission.leave(place, NO_QUEUE)
    assert enter(admission, NO_QUEUE, name="b").is_granted


def test_a_place_that_falls_free_goes_to_who_waits() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1)
    first, second = enter(admission, limits), enter(admission, limits)
    assert (first.is_granted, second.is_granted, admission.waiting) == (True, False, 1)
    assert admission.leave(first, limits) == [second]
    assert (second.is_granted, admission.waiting, admission.in_flight) == (True, 0, 1)


def test_nobody_overtakes_who_waits() -> None:
    admission, wide = Admission(), EdgeLimits(in_flight=2)
    enter(admission, EdgeLimits(in_flight=1))
    waiting = enter(admission, EdgeLimits(in_flight=1))
    assert not enter(admission, wide).is_granted
    assert admission.tick(0.0, 1.0, wide) == [waiting], "a policy with more room lets the first in"


def test_a_queue_is_served_in_order_and_the_newest_first_once_it_is_more_than_half_full() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=4, in_flight_per_key=100)
    place = enter(admission, limits)
    waiting = [enter(admission, limits) for _ in range(4)]
    order = []
    for _ in range(4):
        (place,) = admission.leave(place, limits)
        order.append(waiting.index(place))
    assert order == [3, 2, 0, 1]


def test_a_full_queue_sheds_and_says_when_there_will_be_room() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=3)
    place = enter(admission, limits)
    for second in range(1, 61):
        # Two requests end in each second.
        for _ in range(2):
            admission.leave(place, limits)
            place = enter(admission, limits)
        admission.tick(0.0, float(second), limits)
    for _ in range(3):
        enter(admission, limits)
    assert refused(admission, limits).retry_after_s == pytest.approx(2.0, rel=0.01)


def test_two_ticks_at_once_tell_nothing_of_the_pace() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=0)
    for now_s in (1.0, 1.0):
        admission.leave(enter(admission, limits), limits)
        assert admission.tick(0.0, now_s, limits) == []
    enter(admission, limits)
    assert refused(admission, limits).retry_after_s == pytest.approx(5.0), (
        "one a second, and the first look counts a fifth"
    )


def test_a_wait_is_never_said_to_be_longer_than_a_minute_nor_shorter_than_a_second() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=100, in_flight_per_key=1_000)
    place = enter(admission, limits)
    assert refused(a_full_worker(), NO_QUEUE).retry_after_s == 1.0
    admission.leave(place, limits)
    admission.tick(0.0, 100.0, limits)
    for _ in range(101):
        enter(admission, limits)
    assert refused(admission, limits).retry_after_s == RETRY_S_MAX


def a_full_worker() -> Admission:
    admission = Admission()
    enter(admission, NO_QUEUE)
    return admission


def test_who_gives_up_leaves_the_queue_and_is_told_to_come_back() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1)
    first, second = enter(admission, limits), enter(admission, limits)
    assert admission.give_up(second).code is ErrorCode.OVERLOADED
    assert (admission.waiting, admission.shed) == (0, 1)
    assert admission.leave(first, limits) == []


def test_who_goes_away_leaves_the_queue_and_is_not_counted_as_shed() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, in_flight_per_key=2)
    enter(admission, limits)
    admission.withdraw(enter(admission, limits))
    assert (admission.waiting, admission.shed) == (0, 0)
    assert not enter(admission, limits).is_granted, "its key has its place again"


def test_a_tenant_beyond_its_share_leaves_a_part_of_the_room_to_the_others() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=20, in_flight_per_key=100)
    admission.leave(enter(admission, limits, name="quiet"), limits)
    granted = [enter(admission, limits, name="greedy").is_granted for _ in range(20)]
    assert granted == [True] * 18 + [False] * 2
    admission.tick(0.0, 1.0, limits)
    assert enter(admission, EdgeLimits(in_flight=30), name="other").is_granted is False, "who waits comes first"


def test_a_tenant_alone_has_all_the_room() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=20)
    assert all(enter(admission, limits).is_granted for _ in range(20))


def test_the_room_of_a_tenant_that_is_gone_is_lent_again() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=20)
    admission.leave(enter(admission, limits, name="quiet"), limits)
    for _ in range(18):
        enter(admission, limits)
    waiting = enter(admission, limits)
    assert admission.tick(0.0, ACTIVE_S - 1.0, limits) == []
    assert admission.tick(0.0, ACTIVE_S, limits) == [waiting]


def test_places_go_to_the_tenant_with_the_least_under_way_for_its_share() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=12, queue=100, in_flight_per_key=100)
    places = [enter(admission, limits, name="big", share=3.0) for _ in range(12)]
    big = [enter(admission, limits, name="big", share=3.0) for _ in range(20)]
    small = [enter(admission, limits, name="small", share=1.0) for _ in range(20)]
    served = [granted for place in places for granted in admission.leave(place, limits)]
    assert len(served) == 12
    assert sum(place in small for place in served) == 3, "one quarter, as its share is"
    assert sum(place in big for place in served) == 9


def test_each_tenant_has_its_part_of_the_queue() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=10, in_flight_per_key=100)
    enter(admission, limits, name="quiet")
    for _ in range(5):
        enter(admission, limits, name="greedy")
    assert refused(admission, limits, name="greedy").code is ErrorCode.OVERLOADED
    assert not enter(admission, limits, name="quiet").is_granted


def test_a_share_that_the_policy_changed_counts_from_the_next_request_on() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1, queue=10, in_flight_per_key=100)
    enter(admission, limits, name="quiet")
    enter(admission, limits, name="greedy", share=9.0)
    for _ in range(4):
        enter(admission, limits, name="greedy", share=1.0)
    assert refused(admission, limits, name="greedy").code is ErrorCode.OVERLOADED


def test_under_pressure_fewer_come_in() -> None:
    admission, limits, clock = Admission(), EdgeLimits(in_flight_per_key=2_000), count(1)
    places = [enter(admission, limits) for _ in range(200)]
    for _ in range(100):
        admission.tick(1.0, next(clock) * 0.05, limits)
    assert admission.limit == 64
    assert not enter(admission, limits).is_granted
    for place in places:
        admission.leave(place, limits)
    assert admission.in_flight == 1


def test_a_lame_duck_still_takes_requests() -> None:
    admission = Admission()
    before = admission.is_leaving
    admission.resign()
    assert (before, admission.is_leaving) == (False, True)
    assert enter(admission, EdgeLimits()).is_granted


def test_draining_worker_refuses_what_is_new() -> None:
    admission = Admission()
    enter(admission, EdgeLimits())
    admission.drain()
    admission.resign()
    assert admission.stage is Stage.DRAINING, "there is no way back"
    assert refused(admission, EdgeLimits()).code is ErrorCode.DRAINING
    assert admission.in_flight == 1


def test_leaving_without_having_entered_is_a_programming_error() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=1)
    place = enter(admission, limits)
    admission.leave(place, limits)
    with pytest.raises(AssertionError):
        admission.leave(place, limits)


def test_room_is_to_spare_below_a_share_of_the_limit_while_nobody_waits() -> None:
    admission, limits = Admission(), EdgeLimits(in_flight=4)
    admission.tick(0.0, 1.0, limits)
    admission.lend()
    assert admission.has_spare(0.5)
    admission.lend()
    assert not admission.has_spare(0.5)
    assert admission.has_spare(1.0)
    places = [enter(admission, limits) for _ in range(3)]
    assert [place.is_granted for place in places] == [True, True, False]
    assert not admission.has_spare(1.0)
    assert admission.give_back(limits) == [places[2]]
    assert admission.give_back(limits) == []
    assert admission.in_flight == 3
    admission.drain()
    assert not admission.has_spare(1.0)
