"""One flight: who follows, who may yet join, and whose leaving ends the call."""

from collections.abc import Callable

import pytest

from gateway.core.flight import FOLLOWERS_MAX
from gateway.domain.flight import Ending
from gateway.domain.identity import ExactKey
from gateway.domain.ids import TenantId
from gateway.pipeline.flight import Flight
from gateway.pipeline.kept import KEPT_STREAM_BYTES_MAX, Kept, Reader
from gateway.pipeline.outlet import Outlet
from gateway.ports import Responder
from tests.support.fake_inbound import FakeResponder
from tests.support.tiers import a_tier

KEY = ExactKey(TenantId("team"), "00" * 32)


class Leader:
    """Who leads, as a flight knows it."""

    def __init__(self) -> None:
        self.client = FakeResponder()
        self.responder: Responder = self.client


def a_flight(leader: Leader | None = None) -> Flight:
    return Flight(KEY, leader or Leader(), lambda: 100.0, 0)


def test_a_flight_is_followed_by_so_many_and_no_more() -> None:
    flight = a_flight()
    for _ in range(FOLLOWERS_MAX):
        assert flight.takes_more
        flight.join(Reader())
    assert not flight.takes_more


def test_a_flight_that_is_over_takes_nobody() -> None:
    flight = a_flight()
    flight.ending = Ending.KEPT
    assert not flight.takes_more


def test_a_stream_of_which_something_is_forgotten_takes_nobody() -> None:
    flight = a_flight()
    stream = Kept(b"", wanted=True)
    flight.streams(stream, a_tier("small"))
    assert flight.takes_more
    stream.add(b"x" * (KEPT_STREAM_BYTES_MAX + 1))
    assert not flight.takes_more


def test_a_leader_whose_client_does_not_read_takes_nobody_unless_it_is_followed_already() -> None:
    leader = Leader()
    flight = a_flight(leader)
    leader.client.stop_reading()
    assert not flight.takes_more
    leader.client.read_on()
    flight.join(Reader())
    leader.client.stop_reading()
    assert flight.takes_more


def test_the_leaders_client_is_waited_for_by_nobody_from_the_first_follower_on() -> None:
    leader = Leader()
    flight = a_flight(leader)
    assert leader.responder is leader.client
    flight.join(Reader())
    outlet = leader.responder
    assert isinstance(outlet, Outlet)
    flight.join(Reader())
    assert leader.responder is outlet


@pytest.mark.parametrize("is_first", [True, False], ids=["leader first", "follower first"])
def test_the_call_ends_with_the_last_who_waits_for_it(is_first: bool) -> None:
    flight, ended = a_flight(), list[str]()
    reader = Reader()
    client_left = flight.carried_by(lambda: ended.append("ended"))
    flight.join(reader)
    steps: list[Callable[[], None]] = [client_left, lambda: flight.leave(reader)]
    first, second = steps if is_first else reversed(steps)
    first()
    assert not ended
    second()
    assert ended == ["ended"]


def test_a_call_that_was_let_go_is_ended_by_nobody() -> None:
    flight, ended = a_flight(), list[str]()
    client_left = flight.carried_by(lambda: ended.append("ended"))
    flight.let_go()
    client_left()
    assert not ended
