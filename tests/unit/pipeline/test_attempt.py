"""One upstream call: what goes out, and what each kind of answer is taken for."""

import json
from dataclasses import replace

import httpx
import pytest

from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from gateway.pipeline.attempt import ANSWER_BYTES_MAX, ERROR_BYTES_MAX, PRELUDE_BYTES_MAX
from gateway.pipeline.drive import Pipeline
from tests.support.behaviours import (
    always,
    breaks_after,
    breaks_before,
    fails,
    json_reply,
    sse_reply,
    stalls_before,
)
from tests.support.gateways import (
    CHAT,
    KEYED,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Gateway,
    error_of,
    events_of,
    failures,
    hosts,
    text_of,
)
from tests.support.openai_bodies import error_body, event
from tests.support.scripts import Behaviour, End, Reply, Send, Unreachable

GARBAGE = sse_reply(b"data: {not json\n\n")
HTML = Reply(200, ((b"content-type", b"text/html"),), body=(Send(b"<html>Bad gateway</html>"),))
FAULT_IN_STREAM = sse_reply(b'data: {"error":{"message":"out of memory","code":500}}\n\n')


async def test_the_request_goes_on_with_only_the_models_name_changed() -> None:
    gateway = Gateway()
    body = json.dumps({**CHAT, "guided_choice": ["a", "b"], "min_p": 0.1}, indent=1).encode()
    await gateway.ask(body)
    assert gateway.network.requests[0].body == body.replace(b'"auto"', b'"answer"')


async def test_a_client_key_never_reaches_a_model_server() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"cookie", b"secret=1"), (b"x-api-key", b"sk-search")))
    sent = dict(gateway.network.requests[0].headers)
    assert not {b"authorization", b"cookie", b"x-api-key"} & sent.keys()
    assert sent[b"accept-encoding"] == b"identity"


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


async def test_a_request_at_fault_is_told_in_the_servers_words_and_tried_once() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(json_reply(400, error_body("top_k must be positive", "invalid", 400)))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 400
    assert "top_k must be positive" in error_of(client)["message"]
    assert error_of(client)["code"] == "upstream_rejected"
    assert len(gateway.network.requests) == 1
    assert gateway.receipt.outcome is Outcome.UPSTREAM_REJECTED


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


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_no_connection_in_time_and_no_room_for_one_are_failures_before_anything_was_sent(
    error: type[httpx.ConnectTimeout | httpx.PoolTimeout],
) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable(error)))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert failures(gateway) == [FailureKind.CONNECT, None]


async def test_where_a_connection_led_is_told_to_nobody() -> None:
    gateway = Gateway(TWO_TIERS.replace("small-a", "vllm"))

    async def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no connection to {request.url.host}:{request.url.port}: failed ('::1', 8000, 0, 0)")

    world = replace(gateway.world, transports={"lean": httpx.MockTransport(refuse)})
    client = gateway.client(CHAT)
    await Pipeline(world)(Operation.CHAT, client.inbound, client.responder)
    told = error_of(client)["message"] + "".join(attempt.detail for attempt in gateway.receipt.attempts)
    assert not [word for word in ("vllm", "small-b", "8000", "::1") if word in told]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (httpx.ConnectError("no connection to http://small-a:8000: [Errno 111] Connect call failed"), "refused"),
        (httpx.ReadError("it broke before it answered: [Errno 104] Connection reset by peer"), "connection reset"),
        (httpx.ReadError(""), "connection failed"),
        (httpx.ConnectTimeout(""), "timed out"),
    ],
)
async def test_neither_client_nor_receipt_is_told_a_number_of_the_system(
    raised: httpx.TransportError, told: str
) -> None:
    async def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    gateway = Gateway()
    world = replace(gateway.world, transports={"lean": httpx.MockTransport(fail)})
    client = gateway.client(CHAT)
    await Pipeline(world)(Operation.CHAT, client.inbound, client.responder)
    for said in (error_of(client)["message"], *(attempt.detail for attempt in gateway.receipt.attempts)):
        assert told in said
        assert not [word for word in ("Errno", "111", "104", "Error") if word in said]


async def test_a_stream_that_says_too_much_before_its_first_content_is_given_up() -> None:
    gateway = Gateway()
    chatter = b": still thinking\n\n" * 1024
    gateway.network.plan.queue(always(sse_reply(*[chatter] * (PRELUDE_BYTES_MAX // len(chatter) + 2))))
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert failures(gateway) == [FailureKind.BAD_ANSWER, None]


async def test_an_answer_too_long_to_hold_is_given_up() -> None:
    gateway = Gateway()
    part = Send(b" " * (1024 * 1024))
    endless = Reply(200, ((b"content-type", b"application/json"),), body=(part,) * (ANSWER_BYTES_MAX // 2**20 + 1))
    gateway.network.plan.queue(always(endless))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert failures(gateway) == [FailureKind.BAD_ANSWER, None]


async def test_a_refusal_in_endless_words_is_still_a_refusal_and_tried_once() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(json_reply(400, error_body("x" * 2 * ERROR_BYTES_MAX, "invalid", 400)))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 400
    assert error_of(client)["code"] == "upstream_rejected"
    assert len(client.responder.body) < 1024
    assert len(gateway.network.requests) == 1


async def test_a_refusal_that_breaks_off_is_followed_by_another_server() -> None:
    gateway = Gateway()
    cut = Reply(400, ((b"content-type", b"application/json"),), body=(Send(b'{"error":'), End.RESET))
    gateway.network.plan.queue(always(cut))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert failures(gateway) == [FailureKind.BAD_ANSWER, None]


async def test_a_server_is_sent_its_own_key_and_the_traces_place() -> None:
    gateway = Gateway(TWO_TIERS.replace('small-a:8000/v1"', 'small-a:8000/v1", api_key: env:UPSTREAM_KEY'))
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await gateway.ask(CHAT, headers=((b"traceparent", trace),))
    sent = dict(gateway.network.requests[0].headers)
    assert sent[b"authorization"] == b"Bearer sk-upstream"
    assert sent[b"traceparent"] == trace
