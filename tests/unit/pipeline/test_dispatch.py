"""Attempts over a ladder: what is tried after what, for how long, and which servers are left alone."""

from dataclasses import replace

import httpx
import pytest

from gateway.domain.outcome import FailureKind, Outcome
from tests.support.behaviours import (
    always,
    fails,
    speaks,
    stalls_before,
)
from tests.support.gateways import (
    CHAT,
    KEYED,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    error_of,
    failures,
)
from tests.support.scripts import Pause, Reply, SeenRequest, Unreachable


async def test_when_every_server_fails_the_client_is_told_without_addresses() -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(500)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert len(gateway.network.requests) == 3
    assert "8000" not in error_of(client)["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.receipt.outcome is Outcome.UPSTREAM_FAILED
    assert gateway.receipt.charge_usd_nano == 0


async def test_the_policy_says_after_which_failures_another_is_tried() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, fallback: {on: [ttft]},"))
    gateway.network.plan.queue(fails(500))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert len(gateway.network.requests) == 1


async def test_the_deadline_ends_the_climb() -> None:
    gateway = Gateway(
        TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m").replace(
            "dial: 1000000,", "dial: 1000000, deadline: 100ms, stream_deadline: 100ms,"
        )
    )
    gateway.network.plan.general = stalls_before()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 504
    assert error_of(client)["code"] == "deadline_exceeded"
    assert gateway.receipt.outcome is Outcome.DEADLINE
    assert gateway.network.requests[0].gone.is_set()


@pytest.mark.parametrize("wish", [b"3600", b"0.000001", b"-5"])
async def test_a_callers_patience_counts_between_a_second_and_the_routes_deadline(wish: bytes) -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, deadline: 100ms,"))
    gateway.network.plan.queue(lambda request: replace(spoken(request), before=(Pause(0.02),)), stalls_before())
    client = await gateway.ask({**CHAT, "seed": 1}, headers=((b"x-request-timeout", wish),))
    assert client.responder.status == 200, "nobody is let down at once, however impatient"
    client = await gateway.ask({**CHAT, "seed": 2}, headers=((b"x-request-timeout", wish),))
    assert client.responder.status == 504, "nor served beyond what the route allows"


async def test_a_patience_that_is_no_number_is_told_and_the_hold_given_back() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    client = await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"x-request-timeout", b"soon"),))
    assert client.responder.status == 400
    assert error_of(client)["param"] == "x-request-timeout"
    assert gateway.network.requests == []
    assert [one.charge_usd_nano for one in books.settlements] == [0]


async def test_a_server_that_is_too_slow_is_named_by_its_tier_and_its_failing() -> None:
    gateway = Gateway()
    gateway.network.plan.general = stalls_before()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 504
    assert "small: no content within the time it had" in error_of(client)["message"]


@pytest.mark.parametrize(("retry_after", "told"), [(None, b"1"), ("7", b"7")])
async def test_when_every_server_is_busy_the_client_is_told_when_to_come_back(
    retry_after: str | None, told: bytes
) -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(429, retry_after=retry_after)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 503
    assert error_of(client)["code"] == "tier_unavailable"
    assert client.responder.headers[b"retry-after"] == told
    assert b"x-should-retry" not in client.responder.headers


async def test_when_every_pool_is_full_the_client_is_told_at_once() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(Unreachable(httpx.PoolTimeout))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert failures(gateway) == [FailureKind.CONNECT] * 3


def spoken(request: SeenRequest) -> Reply:
    """Return what a sound server would answer."""
    script = speaks()(request)
    assert isinstance(script, Reply)
    return script
