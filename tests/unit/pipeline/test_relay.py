"""The committed answer on its way to the client, and what becomes of it when either side fails."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from gateway.domain.usage import UsageSource
from gateway.ports import Headers
from tests.support.behaviours import (
    SSE,
    always,
    breaks_after,
    json_reply,
    speaks,
    sse_reply,
)
from tests.support.fake_inbound import FakeClient, FakeResponder
from tests.support.gateways import (
    CHAT,
    STREAM,
    TWO_TIERS,
    Gateway,
    answer_of,
    events_of,
    failures,
    text_of,
)
from tests.support.openai_bodies import Words, chat_events
from tests.support.scripts import Behaviour, End, Hold, Pause, Reply, Send, Step
from tests.support.waiting import eventually

BEGUN = chat_events(Words(), usage=False, done=False)[:3]
LONG_LIMITS = TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m")


async def test_usage_that_a_server_does_not_report_is_estimated_and_said_to_be() -> None:
    gateway = Gateway()
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
    gateway.network.plan.general = always(json_reply(200, body))
    await gateway.ask(CHAT)
    assert gateway.receipt.usage.source is UsageSource.ESTIMATED
    assert gateway.receipt.charge_usd_nano > 0


async def test_a_stream_is_relayed_event_by_event_and_ends_once() -> None:
    gateway = Gateway()
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    events = events_of(client)
    assert events.count(b"[DONE]") == 1
    assert events[-1] == b"[DONE]"
    assert b"x-tiergate-cost-usd" not in client.responder.headers


async def test_vectors_are_no_tokens() -> None:
    gateway = Gateway()
    vectors = json.dumps({"object": "list", "data": [{"index": 0, "embedding": [0.1] * 1000}]}).encode()
    gateway.network.plan.general = always(json_reply(200, vectors))
    await gateway.ask({"model": "small", "input": "France"}, operation=Operation.EMBEDDINGS)
    usage = gateway.receipt.usage
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (2, 0, UsageSource.ESTIMATED)


async def test_usage_is_always_asked_for_and_shown_only_to_who_asked() -> None:
    gateway = Gateway()
    client = await gateway.ask(STREAM)
    assert json.loads(gateway.network.requests[0].body)["stream_options"] == {"include_usage": True}
    assert not any(b'"usage"' in event for event in events_of(client))
    assert gateway.receipt.usage.source is UsageSource.REPORTED
    asked = {**STREAM, "stream_options": {"include_usage": True}, "seed": 1}
    client = await gateway.ask(asked)
    assert json.loads(events_of(client)[-2])["usage"]["completion_tokens"] == gateway.receipt.usage.output_tokens


async def test_chunks_are_counted_where_a_stream_reports_no_usage() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(usage=False)
    await gateway.ask(STREAM)
    assert gateway.receipt.usage.source is UsageSource.COUNTED
    assert gateway.receipt.usage.output_tokens == 5


async def test_a_finish_reason_ends_a_stream_without_done() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(done=False)
    client = await gateway.ask(STREAM)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


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
    told = json.loads(events_of(client)[-1])["error"]
    assert told["code"] == "stream_stalled"
    assert "sent nothing for 0.1 s, its tier's limit (limits.stall)" in told["message"]
    assert failures(gateway) == [FailureKind.STALLED]
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED


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


class Dawdler(FakeResponder):
    """A client that reads up to a point and then takes its time."""

    def __init__(self, *, dawdles_at: str) -> None:
        super().__init__()
        self.dawdles_at = dawdles_at
        self.dawdling = asyncio.Event()

    async def send_head(self, status: int, headers: Headers) -> None:
        self._reach("head")
        await super().send_head(status, headers)

    async def send_chunk(self, data: bytes) -> None:
        self._reach(f"chunk {len(self.chunks)}")
        await super().send_chunk(data)

    async def finish(self, data: bytes = b"") -> None:
        self._reach("finish")
        await super().finish(data)

    def _reach(self, point: str) -> None:
        if point == self.dawdles_at and not self.dawdling.is_set():
            self.dawdling.set()
            self.stop_reading()


async def dawdle(gateway: Gateway, client: FakeClient, *, at: str) -> asyncio.Task[FakeClient]:
    """Serve a client that reads up to a point, and come back long after the server's stall limit."""
    responder = Dawdler(dawdles_at=at)
    client.responder = responder
    serving = asyncio.create_task(gateway.serve(client))
    await responder.dawdling.wait()
    gateway.clock.advance(3600)
    await asyncio.wait((serving,), timeout=0.25)
    return serving


@pytest.mark.parametrize(
    ("body", "at"),
    [(STREAM, "head"), (STREAM, "chunk 0"), (STREAM, "chunk 2"), (STREAM, "finish"), (CHAT, "head"), (CHAT, "finish")],
)
async def test_a_client_that_reads_slowly_is_not_taken_for_a_silent_server(body: dict[str, object], at: str) -> None:
    gateway = Gateway()
    client = gateway.client(body)
    serving = await dawdle(gateway, client, at=at)
    assert not serving.done()
    client.responder.read_on()
    await serving
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert "Paris" in (text_of(client) if body is STREAM else client.responder.body.decode())


@pytest.mark.parametrize("at", ["chunk 0", "chunk 1"])
async def test_after_a_slow_client_the_server_has_its_whole_time_again(at: str) -> None:
    gateway, released = Gateway(), asyncio.Event()
    events = chat_events(Words(), usage=True, done=True)
    body: tuple[Step, ...] = (
        *[Send(part) for part in events[:3]],
        Hold(released),
        *[Send(part) for part in events[3:]],
    )
    gateway.network.plan.general = always(Reply(200, SSE, body=body, chunked=True))
    client = gateway.client(STREAM)
    serving = await dawdle(gateway, client, at=at)
    client.responder.read_on()
    await asyncio.wait((serving,), timeout=0.25)
    assert not serving.done(), "the server has been waited for no time at all yet"
    released.set()
    await serving
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_deadline_within_a_stream_is_told_in_band_by_its_name() -> None:
    gateway = Gateway(LONG_LIMITS.replace("dial: 1000000,", "dial: 1000000, stream_deadline: 100ms,"))
    gateway.network.plan.general = breaks_after(2, End.STALL)
    client = await gateway.ask(STREAM)
    assert json.loads(events_of(client)[-1])["error"]["code"] == "deadline_exceeded"
    assert gateway.receipt.outcome is Outcome.DEADLINE
    assert gateway.receipt.status == 200
    assert gateway.network.requests[0].gone.is_set()


async def test_a_whole_answer_is_not_cut_by_a_deadline_that_passes_while_the_client_takes_it() -> None:
    gateway = Gateway(LONG_LIMITS.replace("dial: 1000000,", "dial: 1000000, deadline: 100ms,"))
    client = gateway.client(CHAT)
    serving = await dawdle(gateway, client, at="finish")
    assert not serving.done()
    client.responder.read_on()
    await serving
    assert answer_of(client)["choices"]
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_stream_with_bare_carriage_returns_is_passed_on_to_its_last_event() -> None:
    gateway = Gateway()
    events = [part.replace(b"\n\n", b"\r\r") for part in chat_events(Words(), usage=False, done=False)]
    gateway.network.plan.general = always(sse_reply(*events))
    client = await gateway.ask(STREAM)
    assert client.responder.body == b"".join(events) + b"data: [DONE]\n\n"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_nothing_follows_the_done_of_a_server_that_goes_on_talking() -> None:
    gateway = Gateway()
    events = chat_events(Words(), usage=True, done=True)
    gateway.network.plan.general = always(sse_reply(*events, *events))
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert gateway.receipt.usage.output_tokens == 5


@pytest.mark.parametrize(("after", "is_left"), [(Pause(0.001), False), (End.STALL, True)])
async def test_the_end_of_a_body_is_read_if_it_comes_soon_after_done(after: Step, is_left: bool) -> None:
    gateway = Gateway()
    script = sse_reply(*chat_events(Words(), usage=True, done=True))
    gateway.network.plan.general = always(replace(script, body=(*script.body, after)))
    client = await gateway.ask(STREAM)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    # A connection that is left before the end cannot be used again.
    assert (gateway.network.requests[0].gone_at_s is not None) == is_left


async def test_a_client_that_leaves_while_it_is_sent_a_whole_answer_is_charged_for_it() -> None:
    gateway = Gateway()
    client = gateway.client(CHAT)
    serving = await dawdle(gateway, client, at="finish")
    client.leave()
    await serving
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_DURING
    assert gateway.receipt.charge_usd_nano > 0


def tells_usage_late(released: asyncio.Event, *, then: Step | None = None) -> Behaviour:
    """Answer at once, and keep the usage back until the event is set; or do something else instead."""
    *content, usage, done = chat_events(Words(), usage=True, done=True)
    rest: tuple[Step, ...] = (Send(usage), Send(done)) if then is None else (then,)
    body: tuple[Step, ...] = (*[Send(part) for part in content], Hold(released), *rest)
    return always(Reply(200, SSE, body=body, chunked=True))


ASKED = {**STREAM, "stream_options": {"include_usage": True}}


async def test_the_client_has_its_last_byte_before_the_usage_is_known_and_the_charge_is_exact() -> None:
    gateway, released = Gateway(), asyncio.Event()
    gateway.network.plan.general = tells_usage_late(released)
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.finished)
    assert not serving.done()
    gateway.clock.advance(0.25)
    released.set()
    await serving
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert gateway.receipt.usage.source is UsageSource.REPORTED
    assert gateway.receipt.times.end_ms < 250, "the wait is not the answer's"


async def test_who_asked_for_the_usage_is_told_it_when_it_comes() -> None:
    gateway, released = Gateway(), asyncio.Event()
    gateway.network.plan.general = tells_usage_late(released)
    client = gateway.client(ASKED)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: text_of(client) == "Paris is the capital." if client.responder.chunks else False)
    assert not client.responder.finished
    released.set()
    await serving
    assert json.loads(events_of(client)[-2])["usage"]["completion_tokens"] == gateway.receipt.usage.output_tokens
    assert events_of(client)[-1] == b"[DONE]"


@pytest.mark.parametrize("body", [STREAM, ASKED])
@pytest.mark.parametrize("then", [End.STALL, End.RESET, Send(b"data: {oops\n\n")])
async def test_usage_that_never_comes_is_counted_and_the_answer_is_a_success(
    body: dict[str, object], then: Step
) -> None:
    gateway, released = Gateway(), asyncio.Event()
    released.set()
    gateway.network.plan.general = tells_usage_late(released, then=then)
    client = await gateway.ask(body)
    assert text_of(client) == "Paris is the capital."
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert gateway.receipt.usage.source is UsageSource.COUNTED
    assert failures(gateway) == [None]


async def test_a_client_that_leaves_between_the_last_token_and_the_usage_it_asked_for_frees_the_server() -> None:
    gateway = Gateway()
    gateway.network.plan.general = tells_usage_late(asyncio.Event())
    client = gateway.client(ASKED)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: text_of(client) == "Paris is the capital." if client.responder.chunks else False)
    client.leave()
    await serving
    assert gateway.network.requests[0].gone.is_set()
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_DURING
    assert gateway.receipt.usage.output_tokens == 5


async def test_a_stream_of_two_choices_is_complete_when_both_are() -> None:
    gateway, released = Gateway(), asyncio.Event()
    one, other = (
        b'data: {"choices":[{"index":%d,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n' % index
        for index in range(2)
    )
    gateway.network.plan.general = always(
        Reply(200, SSE, body=(Send(one), Hold(released), Send(other), End.STALL), chunked=True)
    )
    client = gateway.client({**STREAM, "n": 2})
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.chunks)
    assert not client.responder.finished
    released.set()
    await serving
    assert len(events_of(client)) == 3
