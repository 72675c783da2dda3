"""Every flight of a worker: who leads, who follows, and who goes alone."""

import pytest

from gateway.core.flight import FOLLOWING_MAX
from gateway.domain.errors import GatewayError
from gateway.domain.flight import Ending
from gateway.domain.identity import ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.request import Operation
from gateway.pipeline.admit import admit
from gateway.pipeline.canonicalise import canonicalise
from gateway.pipeline.flights import Flights, until_s
from gateway.pipeline.journey import Arrival, Canonical, Trail
from gateway.pipeline.kept import Reader
from gateway.pipeline.places import go_out
from tests.support.gateways import CHAT, STREAM, Gateway

KEY = ExactKey(TenantId("open"), "00" * 32)
NONE_PURGED = 0


def nothing(key: ExactKey, ending: Ending) -> None:
    """Nobody else waits."""


async def a_request(
    gateway: Gateway, body: dict[str, object] = CHAT, *headers: tuple[bytes, bytes], received_s: float = 0.0
) -> Canonical:
    """One that got as far as the look-up."""
    client, world = gateway.client(body, headers=headers), gateway.world
    snapshot = gateway.policy.snapshot
    arrival = Arrival(
        world.new_request_id(),
        received_s,
        0.0,
        Operation.CHAT,
        client.inbound,
        client.responder,
        snapshot,
        world.scorers[snapshot.artefact],
    )
    admitted = await admit(arrival, world)
    go_out(arrival, world)
    return await canonicalise(admitted, world)


async def test_the_first_leads_and_the_others_find_it() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    first, second = await a_request(gateway), await a_request(gateway)
    assert flights.find(first, KEY, NONE_PURGED, 0.0) is None
    flight = flights.lead(first, KEY, NONE_PURGED)
    assert flights.find(second, KEY, NONE_PURGED, 0.0) is flight
    assert flights.find(second, ExactKey(TenantId("other"), KEY.digest), NONE_PURGED, 0.0) is None


async def test_what_has_ended_is_not_found_and_its_first_ending_counts() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    flight = flights.lead(await a_request(gateway), KEY, NONE_PURGED)
    flights.end(flight, Ending.NOT_KEPT)
    flights.end(flight, Ending.FAILED)
    assert flight.ending is Ending.NOT_KEPT
    assert flights.find(await a_request(gateway), KEY, NONE_PURGED, 0.0) is None


async def test_who_leads_anew_is_the_one_that_is_found() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    first = flights.lead(await a_request(gateway), KEY, NONE_PURGED)
    second = flights.lead(await a_request(gateway), KEY, NONE_PURGED)
    flights.end(first, Ending.FAILED)
    assert flights.find(await a_request(gateway), KEY, NONE_PURGED, 0.0) is second


async def test_who_comes_after_a_purge_follows_none_that_began_before_it() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    before = flights.lead(await a_request(gateway), KEY, 1)
    assert flights.find(await a_request(gateway), KEY, 2, 0.0) is None
    after = flights.watch(KEY, 2, lambda _key, _tell: bool)
    assert flights.find(await a_request(gateway), KEY, 2, 0.0) is after
    assert flights.find(await a_request(gateway), KEY, 1, 0.0) is None
    flights.end(before, Ending.KEPT)
    assert flights.find(await a_request(gateway), KEY, 2, 0.0) is after


async def test_a_worker_lets_so_many_follow_in_all() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    flight = flights.lead(await a_request(gateway), KEY, NONE_PURGED)
    reader = Reader()
    flights.join(flight, reader)
    flights.following = FOLLOWING_MAX
    assert flights.find(await a_request(gateway), KEY, NONE_PURGED, 0.0) is None
    flights.leave(flight, reader)
    assert flights.find(await a_request(gateway), KEY, NONE_PURGED, 0.0) is flight


async def test_a_time_is_up_at_the_routes_deadline_or_the_callers() -> None:
    gateway = Gateway()
    terms = (await a_request(gateway)).route
    assert until_s(await a_request(gateway, received_s=7.0)) == 7.0 + terms.deadline_s
    assert until_s(await a_request(gateway, STREAM)) == terms.stream_deadline_s
    assert until_s(await a_request(gateway, CHAT, (b"x-tiergate-deadline-ms", b"500"))) == 0.5
    with pytest.raises(GatewayError):
        until_s(await a_request(gateway, CHAT, (b"x-tiergate-deadline-ms", b"soon")))


async def test_a_stream_follows_a_whole_answer_though_that_is_allowed_less_time() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    flight = flights.lead(await a_request(gateway), KEY, NONE_PURGED)
    assert flights.find(await a_request(gateway, STREAM), KEY, NONE_PURGED, 0.0) is flight


async def test_nobody_follows_one_that_is_about_to_be_refused() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    flights.lead(await a_request(gateway, CHAT, (b"x-tiergate-deadline-ms", b"soon")), KEY, NONE_PURGED)
    assert flights.find(await a_request(gateway), KEY, NONE_PURGED, 0.0) is None


async def test_a_request_knows_whether_it_is_followed() -> None:
    gateway, flights = Gateway(), Flights(nothing)
    canonical = await a_request(gateway)
    trail = Trail(canonical.admitted.arrival)
    assert not trail.is_followed
    trail.flight = flights.lead(canonical, KEY, NONE_PURGED)
    assert not trail.is_followed
    flights.join(trail.flight, Reader())
    assert trail.is_followed
