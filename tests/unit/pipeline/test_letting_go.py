"""A request is gone with its last reference: what has to wait for the garbage collector costs every other request."""

import gc
from collections import Counter
from itertools import count
from typing import Any

import pytest

from tests.support.behaviours import breaks_after, breaks_before, by_model_name, fails
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, KEYED, STREAM, Gateway
from tests.support.scripts import Behaviour, End


def left_to_the_collector() -> Counter[str]:
    """Count the gateway's own objects that only the collector can free, by the names of their kinds."""
    before = gc.get_debug()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return Counter(type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith("gateway."))
    finally:
        gc.garbage.clear()
        gc.set_debug(before)


async def left_of(gateway: Gateway, body: dict[str, Any], **how: Any) -> tuple[FakeClient, Counter[str]]:
    """Ask, keep only the client, and count what is left then of the asking."""
    # What a first request of its kind leaves (what is imported or built late) is not what each one leaves.
    await gateway.ask({**body, "seed": 1}, **how)
    gc.collect()
    gc.disable()
    try:
        client = await gateway.ask({**body, "seed": 2}, **how)
        gateway.network.requests.clear()
        return client, left_to_the_collector()
    finally:
        gc.enable()


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_an_answered_request_leaves_nothing_to_the_collector(body: dict[str, Any]) -> None:
    client, left = await left_of(Gateway(), body)
    assert client.responder.status == 200
    assert not left


async def test_a_request_that_the_cache_answers_leaves_nothing_to_the_collector() -> None:
    gateway = Gateway()
    await gateway.ask({**CHAT, "seed": 2})
    client, left = await left_of(gateway, CHAT)
    assert client.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert not left


@pytest.mark.parametrize("failure", [fails(500), breaks_before(End.RESET)], ids=["refused", "reset"])
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_request_that_fell_back_leaves_nothing_to_the_collector(
    body: dict[str, Any], failure: Behaviour
) -> None:
    gateway, asked = Gateway(), count()
    gateway.network.plan.general = lambda request: (by_model_name if next(asked) % 2 else failure)(request)
    client, left = await left_of(gateway, body)
    assert client.responder.status == 200
    assert client.responder.headers[b"x-tiergate-attempts"] == b"2"
    assert not left


async def test_a_refused_request_leaves_nothing_to_the_collector() -> None:
    client, left = await left_of(Gateway(KEYED), CHAT)
    assert client.responder.status == 401
    assert not left


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_request_that_no_server_answers_leaves_nothing_to_the_collector(body: dict[str, Any]) -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(503)
    client, left = await left_of(gateway, body)
    assert client.responder.status == 503
    assert not left


async def test_a_broken_stream_leaves_nothing_to_the_collector() -> None:
    gateway = Gateway()
    gateway.network.plan.general = breaks_after(2, End.RESET)
    client, left = await left_of(gateway, STREAM)
    assert client.responder.status == 200
    assert not left
