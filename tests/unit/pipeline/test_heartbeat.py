"""Signs of life on a silent stream, before its first content and within it."""

import asyncio
import json

import pytest

from gateway.domain.outcome import FailureKind, Outcome
from tests.support.behaviours import SSE, always, fails
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, STREAM, TWO_TIERS, Gateway, events_of, failures, held_until, text_of
from tests.support.openai_bodies import Words, chat_events
from tests.support.scripts import Behaviour, Hold, Reply, Script, SeenRequest, Send
from tests.support.waiting import eventually, settled

PATIENT = TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m, stall: 1m, answer: 1m").replace(
    "dial: 1000000,", "dial: 1000000, heartbeat: 100ms,"
)
PING = b": ping\n\n"


async def silent(gateway: Gateway, client: FakeClient, pings: int) -> "asyncio.Task[FakeClient]":
    """Serve a client until it has had that many signs of life."""
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    for _ in range(pings):
        had = len(client.responder.chunks)
        gateway.clock.advance(0.11)
        await more_chunks(client, had)
    return serving


async def more_chunks(client: FakeClient, than: int) -> None:
    """Wait until the client has more chunks than that."""
    await eventually(lambda: len(client.responder.chunks) > than)


def held_then(released: asyncio.Event, then: Behaviour) -> Behaviour:
    """Keep an answer back until the event is set."""

    def behave(request: SeenRequest) -> Script:
        script = then(request)
        assert isinstance(script, Reply)
        return Reply(script.status, script.headers, (Hold(released),), script.body, script.chunked)

    return behave


async def test_a_stream_that_has_not_begun_is_kept_alive_and_then_answered() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 2)
    assert client.responder.status == 200
    assert client.responder.chunks == [PING, PING]
    released.set()
    await serving
    assert client.responder.body.removeprefix(PING * 2).startswith(b"data: ")
    assert client.responder.body.endswith(b"data: [DONE]\n\n")
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_after_a_sign_of_life_another_server_may_still_answer() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.queue(held_then(released, fails(503)))
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    released.set()
    await serving
    assert failures(gateway) == [FailureKind.BUSY, None]
    assert client.responder.body.endswith(b"data: [DONE]\n\n")


async def test_after_a_sign_of_life_a_failure_is_told_in_band() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_then(released, fails(503))
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    released.set()
    await serving
    assert client.responder.status == 200
    (told,) = [json.loads(payload) for payload in events_of(client) if payload.startswith(b"{")]
    assert told["error"]["code"] == "tier_unavailable"
    assert b"[DONE]" not in client.responder.body
    assert gateway.receipt.outcome is Outcome.NO_TIER


async def test_a_client_that_leaves_after_signs_of_life_alone_has_left_before_its_answer() -> None:
    gateway = Gateway(PATIENT)
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    client.leave()
    await serving
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    assert gateway.network.requests[0].gone.is_set()


async def test_a_stream_that_falls_silent_is_kept_alive_between_its_events() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    first, *others = chat_events(Words(), usage=False, done=True)
    cut = len(others[0]) // 2
    steps = (Send(first + others[0]), Send(others[1][:cut]), Hold(released), Send(others[1][cut:]))
    gateway.network.plan.general = always(
        Reply(200, SSE, body=(*steps, *[Send(part) for part in others[2:]]), chunked=True)
    )
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.chunks)
    sent = len(client.responder.chunks)
    gateway.clock.advance(0.11)
    await more_chunks(client, sent)
    assert client.responder.chunks[-1] == PING, "between two events, though half of one has come"
    released.set()
    await serving
    assert client.responder.body.replace(PING, b"") == b"".join([first, *others])
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_what_was_sent_lately_needs_no_sign_of_life() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    await settled(lambda: list(client.responder.chunks), still_for_s=0.25)
    assert client.responder.chunks == [PING], "the loop's timer rang, and by the clock nothing was due"
    gateway.clock.advance(0.11)
    await more_chunks(client, 1)
    released.set()
    await serving


async def test_a_sign_of_life_that_reaches_nobody_leaves_it_to_the_answer_to_find_out() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    client.responder.break_off()
    gateway.clock.advance(0.11)
    await settled(lambda: list(client.responder.chunks), still_for_s=0.12)
    assert client.responder.chunks == [PING]
    released.set()
    await serving
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_DURING
    assert gateway.faults == []


async def test_signs_of_life_do_not_hide_a_silent_server() -> None:
    gateway = Gateway(PATIENT.replace("stall: 1m", "stall: 200ms"))
    first, second, *_ = chat_events(Words(), usage=False, done=True)
    gateway.network.plan.general = always(
        Reply(200, SSE, body=(Send(first + second), Hold(asyncio.Event())), chunked=True)
    )
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.chunks)
    gateway.clock.advance(0.15)
    await eventually(lambda: client.responder.chunks[-1] == PING)
    gateway.clock.advance(0.15)
    await serving
    assert failures(gateway) == [FailureKind.STALLED]
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED


@pytest.mark.parametrize(
    ("policy", "body"), [(PATIENT.replace("heartbeat: 100ms", "heartbeat: off"), STREAM), (PATIENT, CHAT)]
)
async def test_there_are_none_where_they_are_off_and_on_an_answer_that_is_not_streamed(
    policy: str, body: dict[str, object]
) -> None:
    gateway, released = Gateway(policy), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    client = gateway.client(body)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    gateway.clock.advance(3600)
    await settled(lambda: list(client.responder.chunks), still_for_s=0.12)
    assert client.responder.status is None
    released.set()
    await serving
    assert b"ping" not in client.responder.body


async def test_a_client_that_is_slow_to_take_them_is_sent_no_more() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    client = gateway.client(STREAM)
    serving = await silent(gateway, client, 1)
    client.responder.stop_reading()
    for _ in range(3):
        gateway.clock.advance(0.11)
        await settled(lambda: list(client.responder.chunks), still_for_s=0.12)
    assert client.responder.chunks == [PING]
    client.responder.read_on()
    released.set()
    await serving
    assert client.responder.body.count(PING) <= 2
    assert text_of_answer(client) == "Paris is the capital."


def text_of_answer(client: FakeClient) -> str:
    """Return the text behind the signs of life."""
    client.responder.chunks = [chunk for chunk in client.responder.chunks if chunk != PING]
    return text_of(client)
