"""Attempts over a ladder: what is tried after what, and that nothing is tried after the first content."""

import asyncio
import json

import pytest

from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.usage import UsageSource
from tests.support.behaviours import (
    always,
    breaks_after,
    breaks_before,
    fails,
    json_reply,
    sse_reply,
    stalls_before,
)
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, TWO_TIERS, Gateway, answer_of, error_of, events_of, held_until, text_of
from tests.support.openai_bodies import Words, chat_events, error_body, event
from tests.support.scripts import Behaviour, End, Reply, SeenRequest, Send, Unreachable
from tests.support.waiting import eventually

STREAM = {**CHAT, "stream": True}
GARBAGE = sse_reply(b"data: {not json\n\n")
HTML = Reply(200, ((b"content-type", b"text/html"),), body=(Send(b"<html>Bad gateway</html>"),))
BEGUN = chat_events(Words(), usage=False, done=False)[:3]
FAULT_IN_STREAM = sse_reply(b'data: {"error":{"message":"out of memory","code":500}}\n\n')


def hosts(gateway: Gateway) -> list[str]:
    """Name the model servers that were asked, in order."""
    return [dict(seen.headers)[b"host"].decode() for seen in gateway.network.requests]


def failures(gateway: Gateway) -> list[FailureKind | None]:
    return [attempt.failure for attempt in gateway.receipt.attempts]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (always(Unreachable()), FailureKind.CONNECT),
        (breaks_before(End.RESET), FailureKind.NO_RESPONSE),
        (fails(500), FailureKind.SERVER_ERROR),
        (fails(401), FailureKind.SERVER_ERROR),
        (always(json_reply(200, b'{"error":{"message":"out of memory"}}')), FailureKind.SERVER_ERROR),
        (always(HTML), FailureKind.BAD_ANSWER),
        (always(json_reply(200, b"{}")), FailureKind.BAD_ANSWER),
    ],
)
async def test_failure_of_a_server_is_followed_by_its_neighbour(behaviour: Behaviour, kind: FailureKind) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(behaviour)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert client.responder.headers[b"x-tiergate-attempts"] == b"2"
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"
    assert len(set(hosts(gateway))) == 2, "never the same server twice"
    assert failures(gateway) == [kind, None]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (fails(429), FailureKind.BUSY),
        (fails(503, retry_after="7"), FailureKind.BUSY),
        (stalls_before(), FailureKind.TTFT),
    ],
)
async def test_failure_of_a_tier_is_followed_by_the_next_tier(behaviour: Behaviour, kind: FailureKind) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(behaviour)
    client = await gateway.ask(CHAT)
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert failures(gateway) == [kind, None]
    assert gateway.receipt.charge_usd_nano == gateway.receipt.baseline_usd_nano, "only the answer is charged"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (always(GARBAGE), FailureKind.BAD_ANSWER),
        (always(sse_reply()), FailureKind.BAD_ANSWER),
        (always(FAULT_IN_STREAM), FailureKind.SERVER_ERROR),
        (breaks_after(0, End.CLOSE), FailureKind.BAD_ANSWER),
        (breaks_after(0, End.STALL), FailureKind.TTFT),
        (stalls_before(), FailureKind.TTFT),
        (always(Unreachable()), FailureKind.CONNECT),
    ],
)
async def test_a_stream_that_fails_before_its_first_content_is_answered_by_another(
    behaviour: Behaviour, kind: FailureKind
) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(behaviour)
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert events_of(client).count(b"[DONE]") == 1
    assert failures(gateway) == [kind, None]


@pytest.mark.parametrize(
    "behaviour",
    [
        breaks_after(2, End.RESET),
        breaks_after(2, End.CLOSE),
        always(sse_reply(*BEGUN, b'data: {"error":{"message":"out of memory"}}\n\n')),
        always(sse_reply(*BEGUN, b"data: {oops\n\n")),
        always(sse_reply(*BEGUN)),
    ],
)
async def test_a_stream_that_breaks_after_its_first_content_ends_with_an_error_and_is_never_replaced(
    behaviour: Behaviour,
) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(behaviour)
    client = await gateway.ask(STREAM)
    events = events_of(client)
    assert json.loads(events[-1])["error"]["code"] == "stream_interrupted"
    assert b"[DONE]" not in events
    assert len(gateway.network.requests) == 1
    assert failures(gateway) == [FailureKind.BROKEN]
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED
    assert gateway.receipt.usage.source is UsageSource.COUNTED
    assert gateway.receipt.charge_usd_nano > 0, "what was generated is charged"


async def test_a_server_that_falls_silent_mid_stream_is_let_go_and_the_client_told() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(breaks_after(2, End.STALL))
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: len(client.responder.chunks) > 1)
    gateway.clock.advance(1.0)
    await serving
    assert gateway.network.requests[0].gone.is_set()
    assert json.loads(events_of(client)[-1])["error"]["code"] == "stream_interrupted"
    assert failures(gateway) == [FailureKind.STALLED]
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED


async def test_a_request_at_fault_is_told_in_the_servers_words_and_tried_once() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(json_reply(400, error_body("top_k must be positive", "invalid", 400)))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 400
    assert "top_k must be positive" in error_of(client)["message"]
    assert error_of(client)["code"] == "upstream_rejected"
    assert len(gateway.network.requests) == 1
    assert gateway.receipt.outcome is Outcome.UPSTREAM_REJECTED


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


async def test_a_busy_server_is_left_alone_as_long_as_it_asks() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(fails(429, retry_after="7"))
    await gateway.ask({**CHAT, "seed": 1})
    busy = hosts(gateway)[0]
    gateway.clock.advance(6.9)
    await gateway.ask({**CHAT, "seed": 2})
    assert hosts(gateway)[-1] != busy
    gateway.clock.advance(0.2)
    await gateway.ask({**CHAT, "seed": 3})
    assert hosts(gateway)[-1] == busy


async def test_a_tier_whose_servers_are_all_down_is_passed_over() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable()), always(Unreachable()))
    await gateway.ask({**CHAT, "seed": 1})
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert client.responder.headers[b"x-tiergate-attempts"] == b"1"


async def test_when_all_are_down_one_is_tried_all_the_same() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(*[always(Unreachable())] * 3)
    refused = await gateway.ask({**CHAT, "seed": 1})
    assert refused.responder.status == 502
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.status == 200


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


async def leave_when(gateway: Gateway, client: FakeClient) -> None:
    """Serve a client that leaves once the server is at work."""
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    client.leave()
    await serving


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_client_that_leaves_before_content_cancels_the_server(body: dict[str, object]) -> None:
    gateway = Gateway()
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(body)
    await leave_when(gateway, client)
    assert gateway.network.requests[0].gone.is_set()
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    assert gateway.receipt.charge_usd_nano == 0


async def test_a_client_that_leaves_mid_stream_cancels_the_server_and_is_charged_for_what_was_made() -> None:
    gateway = Gateway()
    gateway.network.plan.general = breaks_after(3, End.STALL)
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.chunks)
    client.leave()
    await serving
    assert gateway.network.requests[0].gone.is_set()
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_DURING
    assert gateway.receipt.usage.output_tokens == 3
    assert gateway.receipt.charge_usd_nano > 0


async def test_a_cancelled_request_lets_its_server_go_and_is_recorded() -> None:
    gateway = Gateway()
    gateway.network.plan.general = held_until(asyncio.Event())
    serving = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert gateway.network.requests[0].gone.is_set()
    assert len(gateway.kept.receipts) == 1
    assert gateway.world.admission.in_flight == 0


async def test_a_server_that_knows_no_stream_options_is_not_sent_them() -> None:
    gateway = Gateway(TWO_TIERS.replace('small-a:8000/v1"', 'small-a:8000/v1", dialect: basic'))
    await gateway.ask({**STREAM, "seed": 1})
    assert "stream_options" not in gateway.network.requests[0].json


async def test_an_answer_of_no_content_that_says_why_is_an_answer() -> None:
    gateway = Gateway()
    chunk = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "length"}]}
    gateway.network.plan.general = always(sse_reply(event(chunk), b"data: [DONE]\n\n"))
    client = await gateway.ask(STREAM)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_slow_client_is_not_taken_for_a_stalled_server() -> None:
    gateway = Gateway()
    client = gateway.client(STREAM)
    client.responder.stop_reading()
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    gateway.clock.advance(3600)
    client.responder.read_on()
    await serving
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_whole_answers_name_their_tool_calls_untouched() -> None:
    gateway = Gateway()

    def behave(request: SeenRequest) -> Reply:
        message = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]}
        choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
        return json_reply(200, json.dumps({"choices": choices}).encode())

    gateway.network.plan.general = behave
    client = await gateway.ask(CHAT)
    assert answer_of(client)["choices"][0]["message"]["tool_calls"][0]["id"] == "c"
    await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 2, "tool calls are not cached"
