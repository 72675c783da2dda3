"""Whether servers on which a request was lost still live."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from gateway.core.endpoint_state import EndpointState
from gateway.core.quarantine import Quarantine, Verdict
from gateway.domain.tier import Secret
from gateway.pipeline.signs_of_life import look_for_life
from tests.support.clocks import ManualClock
from tests.support.tiers import a_tier

FIRST, SECOND = a_tier("small", endpoints=2).endpoints
QUERY = b"of death"


async def looked_at(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[Verdict, list[EndpointState]]:
    """Lose a request on two servers, look at both, and tell what is then thought of it and who is still unclear."""
    clock, quarantine = ManualClock(), Quarantine()
    states = [EndpointState(replace(endpoint, api_key=Secret("sk-own"))) for endpoint in (FIRST, SECOND)]
    for state in states:
        quarantine.lost(QUERY, state, clock.now_s())
    clock.advance(0.1)
    transports = {"lean": httpx.MockTransport(answer)}
    await look_for_life(quarantine.unclear(QUERY, clock.now_s()), quarantine, transports, clock)
    return quarantine.verdict(QUERY, clock.now_s()), quarantine.unclear(QUERY, clock.now_s())


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout])
async def test_servers_that_refuse_the_connection_are_dead(error: type[httpx.TransportError]) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise error("nobody there", request=request)

    assert await looked_at(refuse) == (Verdict.GUILTY, [])


async def test_servers_that_answer_live_and_are_asked_with_their_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    assert await looked_at(answer) == (Verdict.FREE, [])
    assert [(one.method, str(one.url), one.headers["authorization"]) for one in asked] == [
        ("GET", f"{endpoint.base_url}/models", "Bearer sk-own") for endpoint in (FIRST, SECOND)
    ]


async def test_a_kept_connection_that_died_is_no_answer_and_it_is_asked_once_more() -> None:
    asked: list[str] = []

    def close(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if asked.count(request.url.host) == 1:
            raise httpx.ReadError("closed", request=request)
        raise httpx.ConnectError("nobody there", request=request)

    assert await looked_at(close) == (Verdict.GUILTY, [])


@pytest.mark.parametrize("status", [502, 503])
async def test_an_error_that_a_proxy_may_have_given_tells_nothing(status: int) -> None:
    verdict, unclear = await looked_at(lambda request: httpx.Response(status))
    assert (verdict, len(unclear)) == (Verdict.FREE, 2)


async def test_a_server_that_breaks_off_every_time_tells_nothing() -> None:
    def reset(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    verdict, unclear = await looked_at(reset)
    assert (verdict, len(unclear)) == (Verdict.FREE, 2)


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise TimeoutError

    quarantine, state = Quarantine(), EndpointState(FIRST)
    quarantine.lost(QUERY, state, 0.0)
    await asyncio.wait_for(look_for_life([state], quarantine, {"lean": Silent()}, ManualClock()), 5.0)
    quarantine.lost(QUERY, EndpointState(SECOND), 0.0)
    assert state in quarantine.unclear(QUERY, 1.0)
