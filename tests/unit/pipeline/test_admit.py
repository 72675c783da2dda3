"""Who may come in, and that a refusal costs as little as possible."""

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.pipeline.places import let_in
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    KEYED,
    TWO_TIERS,
    Gateway,
    error_of,
    held_until,
)
from tests.support.waiting import eventually


@pytest.mark.parametrize(("key", "code"), [(None, ErrorCode.MISSING_API_KEY), (b"sk-wrong", ErrorCode.INVALID_API_KEY)])
async def test_a_bad_key_costs_no_body(key: bytes | None, code: ErrorCode) -> None:
    gateway = Gateway(KEYED)
    client = await gateway.ask(CHAT, key=key)
    assert client.responder.status == 401
    assert error_of(client)["code"] == code
    assert client.inbound.reads == 0
    assert gateway.receipt.outcome is Outcome.CLIENT_REJECTED


async def test_a_body_that_is_not_json_is_refused_before_it_is_read() -> None:
    gateway = Gateway()
    client = await gateway.serve(FakeClient(b"{}", headers=((b"content-type", b"text/plain"),)))
    assert client.responder.status == 415
    assert error_of(client)["code"] == ErrorCode.UNSUPPORTED_MEDIA_TYPE
    assert client.inbound.reads == 0


async def test_a_body_beyond_the_policys_limit_is_refused() -> None:
    client = await Gateway(TWO_TIERS + "limits: {body: 1KiB}\n").ask({**CHAT, "user": "x" * 1024})
    assert client.responder.status == 413
    assert error_of(client)["code"] == ErrorCode.BODY_TOO_LARGE


async def test_a_body_that_does_not_come_in_time_is_a_408_and_gives_its_place_back() -> None:
    gateway = Gateway(TWO_TIERS + "limits: {body_timeout: 100ms}\n")
    client = await gateway.serve(FakeClient(b"{", headers=((b"content-type", b"application/json"),), ends=False))
    assert client.responder.status == 408
    assert error_of(client)["code"] == ErrorCode.REQUEST_TIMEOUT
    assert gateway.receipt.outcome is Outcome.CLIENT_REJECTED


async def test_a_client_that_leaves_while_it_sends_is_told_nothing_and_gives_its_place_back() -> None:
    gateway = Gateway()
    client = FakeClient(b"{", headers=((b"content-type", b"application/json"),), ends=False)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.inbound.bytes_read)
    client.leave()
    await serving
    assert client.responder.status is None
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ("limits: {in_flight: 1, queue: 0}\n", 503, ErrorCode.OVERLOADED),
        ("limits: {in_flight_per_key: 1}\n", 429, ErrorCode.RATE_LIMIT_EXCEEDED),
    ],
)
async def test_beyond_the_limit_of_requests_under_way_others_are_told_to_come_back(
    limits: str, status: int, code: ErrorCode
) -> None:
    gateway, released = Gateway(TWO_TIERS + limits), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    first = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    refused = gateway.client(CHAT)
    await gateway.pipeline(Operation.CHAT, refused.inbound, refused.responder)
    assert refused.responder.status == status
    assert error_of(refused)["code"] == code
    assert refused.responder.headers[b"retry-after"] == b"1"
    assert refused.inbound.reads == 0
    released.set()
    assert (await first).responder.status == 200
    assert (await gateway.ask(CHAT)).responder.status == 200


async def test_a_gateway_that_is_shutting_down_takes_no_more() -> None:
    gateway = Gateway()
    gateway.world.admission.drain()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 503
    assert error_of(client)["code"] == ErrorCode.DRAINING
    assert gateway.receipt.outcome is Outcome.SHED


QUEUED = TWO_TIERS + "limits: {in_flight: 1, queue_wait: 10s}\n"


async def two_at_once(gateway: Gateway, released: asyncio.Event) -> tuple["asyncio.Task[None]", FakeClient]:
    """Let one request be under way, and make the client of a second one."""
    gateway.network.plan.general = held_until(released)
    client = gateway.client(CHAT)
    first = asyncio.create_task(gateway.pipeline(Operation.CHAT, client.inbound, client.responder))
    await eventually(lambda: gateway.network.requests)
    return first, gateway.client({**CHAT, "seed": 2})


async def test_a_request_waits_unread_for_a_place_and_gets_the_first_that_falls_free() -> None:
    gateway, released = Gateway(QUEUED), asyncio.Event()
    first, second = await two_at_once(gateway, released)
    serving = asyncio.create_task(gateway.pipeline(Operation.CHAT, second.inbound, second.responder))
    await eventually(lambda: gateway.world.admission.waiting)
    assert second.inbound.reads == 0
    released.set()
    await asyncio.gather(serving, first)
    assert second.responder.status == 200
    assert gateway.world.admission.in_flight == gateway.world.admission.waiting == 0


@pytest.mark.parametrize(
    ("limits", "headers"),
    [
        ("{in_flight: 1, queue_wait: 10ms}", ()),
        ("{in_flight: 1, queue_wait: 60s}", ((b"x-tiergate-deadline-ms", b"100"),)),
    ],
)
async def test_who_waits_too_long_for_a_place_is_told_when_to_come_back(
    limits: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    gateway, released = Gateway(TWO_TIERS + f"limits: {limits}\n"), asyncio.Event()
    first, _ = await two_at_once(gateway, released)
    second = gateway.client(CHAT, headers=headers)
    await gateway.pipeline(Operation.CHAT, second.inbound, second.responder)
    assert second.responder.status == 503
    assert error_of(second)["code"] == ErrorCode.OVERLOADED
    assert second.responder.headers[b"retry-after"] == b"1"
    assert gateway.world.admission.waiting == 0
    released.set()
    await first


async def test_a_request_that_is_broken_off_while_it_waits_leaves_the_queue() -> None:
    gateway, released = Gateway(QUEUED), asyncio.Event()
    first, second = await two_at_once(gateway, released)
    serving = asyncio.create_task(gateway.pipeline(Operation.CHAT, second.inbound, second.responder))
    await eventually(lambda: gateway.world.admission.waiting)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert gateway.world.admission.waiting == 0
    assert error_of(second)["code"] == ErrorCode.DRAINING
    released.set()
    await first


async def test_a_request_that_is_broken_off_as_it_gets_its_place_gives_it_back() -> None:
    gateway, released = Gateway(QUEUED), asyncio.Event()
    first, second = await two_at_once(gateway, released)
    serving = asyncio.create_task(gateway.pipeline(Operation.CHAT, second.inbound, second.responder))
    await eventually(lambda: gateway.world.admission.waiting)
    let_in(gateway.world.admission.tick(0.0, 1.0, replace(gateway.policy.snapshot.limits, in_flight=2)))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert gateway.world.admission.in_flight == 1
    released.set()
    await first


async def test_a_place_that_comes_as_the_wait_ends_is_taken() -> None:
    gateway = Gateway(TWO_TIERS + "limits: {in_flight: 1, queue_wait: 100ms}\n")
    admission, limits = gateway.world.admission, gateway.policy.snapshot.limits
    filler = admission.enter(KeyId("filler"), TenantId("filler"), 1.0, limits)
    serving = asyncio.create_task(gateway.serve(gateway.client(CHAT)))
    await eventually(lambda: admission.waiting)
    # Granted, and not yet told.
    (granted,) = admission.leave(filler, limits)
    client = await serving
    assert client.responder.status == 200
    assert not granted.is_granted
