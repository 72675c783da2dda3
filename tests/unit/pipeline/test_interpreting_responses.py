"""A client of the Responses API is told in its own dialect whatever comes of its request."""

import asyncio
import json
from typing import Any

import pytest

from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from gateway.wire.sse import decode_events
from tests.support.behaviours import breaks_after, calls_tool, fails, speaks
from tests.support.crowds import idle
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import Gateway, answer_of, failures, held_until
from tests.support.openai_bodies import ToolCall, Words
from tests.support.scripts import End
from tests.unit.pipeline.test_follow import PATIENT

TEXT = "Paris is the capital."
ASKED: dict[str, Any] = {"model": "auto", "input": "What is the capital of France?", "instructions": "Be brief"}
STREAM: dict[str, Any] = {**ASKED, "stream": True}


async def ask(gateway: Gateway, body: dict[str, Any] | bytes = ASKED) -> FakeClient:
    return await gateway.ask(body, operation=Operation.RESPONSES)


def events_of(client: FakeClient) -> list[dict[str, Any]]:
    """Return the data of the events that a client received, which are numbered without a gap."""
    assert client.responder.headers[b"content-type"].startswith(b"text/event-stream")
    events = [json.loads(event.data or b"") for event in decode_events(client.responder.body)]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def response_of(client: FakeClient) -> dict[str, Any]:
    """Return the response that a client was given, whole or at the end of its stream."""
    if client.responder.headers[b"content-type"].startswith(b"text/event-stream"):
        response: dict[str, Any] = events_of(client)[-1]["response"]
        return response
    return answer_of(client)


def text_of(client: FakeClient) -> str:
    """Return the text of an answer."""
    text: str = response_of(client)["output"][0]["content"][0]["text"]
    return text


@pytest.mark.parametrize("body", [ASKED, STREAM])
async def test_an_answer_is_a_response_that_repeats_its_request(body: dict[str, Any]) -> None:
    gateway = Gateway()
    client = await ask(gateway, body)
    response = response_of(client)
    assert (response["status"], text_of(client)) == ("completed", TEXT)
    assert (response["instructions"], response["usage"]["output_tokens"]) == ("Be brief", 5)
    assert b"request-id" not in client.responder.headers
    sent = gateway.network.requests[0]
    assert (sent.path, [message["role"] for message in sent.json["messages"]]) == (
        "/v1/chat/completions",
        ["system", "user"],
    )
    assert (gateway.receipt.operation, gateway.receipt.outcome) == (Operation.RESPONSES, Outcome.SUCCESS_UPSTREAM)


async def test_the_usage_is_that_of_a_chat_by_the_same_server() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(Words(input_tokens=100, cached_tokens=64))
    for client in (await ask(gateway), await ask(gateway, STREAM)):
        usage = response_of(client)["usage"]
        assert (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"]) == (100, 64)
    await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": "?"}]})
    told, _, chat = gateway.kept.receipts
    assert told.usage == chat.usage


async def test_what_is_left_out_stands_in_the_receipt() -> None:
    gateway = Gateway()
    await ask(gateway, {**ASKED, "truncation": "auto"})
    assert gateway.receipt.not_carried == ("truncation",)


async def test_a_call_of_a_function_and_its_result() -> None:
    gateway = Gateway()
    gateway.network.plan.general = calls_tool(ToolCall("weather", '{"town":"Ulm"}'))
    tools = [{"type": "function", "name": "weather", "parameters": {}, "strict": False}]
    (call,) = answer_of(await ask(gateway, {**ASKED, "tools": tools}))["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "weather", '{"town":"Ulm"}')
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Sunny"}
    turns = [{"role": "user", "content": "How is it?"}, call, result]
    assert text_of(await ask(gateway, {**ASKED, "tools": tools, "input": turns})) == TEXT
    sent = gateway.network.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize("body", [ASKED, STREAM])
async def test_a_kept_answer_is_told_in_the_dialect_too(body: dict[str, Any]) -> None:
    gateway = Gateway()
    for cache in (b"miss", b"exact", b"exact"):
        client = await ask(gateway, body)
        assert (client.responder.headers[b"x-tiergate-cache"], text_of(client)) == (cache, TEXT)
    assert len(gateway.network.requests) == 1


async def test_a_kept_answer_repeats_the_request_that_it_is_given_to() -> None:
    gateway = Gateway()
    for name in ("a", "b"):
        client = await ask(gateway, {**ASKED, "metadata": {"name": name}})
        assert response_of(client)["metadata"] == {"name": name}
    assert [receipt.cache for receipt in gateway.kept.receipts] == ["miss", "exact"]


async def test_one_that_follows_another_is_told_in_the_dialect() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    clients = [gateway.client(STREAM) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(gateway.pipeline(Operation.RESPONSES, client.inbound, client.responder))
            await idle()
        released.set()
    assert [text_of(client) for client in clients] == [TEXT] * 2
    assert clients[1].responder.headers[b"x-tiergate-cache"] == b"coalesced"


async def test_a_server_that_fails_before_its_first_word_is_not_told_of() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(fails(500))
    client = await ask(gateway, STREAM)
    assert failures(gateway) == [FailureKind.SERVER_ERROR, None]
    assert [event["type"] for event in events_of(client)].count("response.created") == 1
    assert text_of(client) == TEXT


async def test_an_answer_that_breaks_off_fails_and_ends_with_an_error() -> None:
    gateway = Gateway()
    gateway.network.plan.general = breaks_after(2, End.CLOSE)
    events = events_of(await ask(gateway, STREAM))
    assert [event["type"] for event in events[-2:]] == ["response.failed", "error"]
    assert (events[-2]["response"]["status"], events[-1]["code"]) == ("failed", "stream_interrupted")
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        ({**ASKED, "model": "nobody"}, 404, "model"),
        ({**ASKED, "tools": [{"type": "web_search"}]}, 400, "tools.0.type"),
        ({**ASKED, "input": [{"role": "user"}]}, 400, "input.0.content"),
    ],
)
async def test_errors_name_what_the_client_sent(body: dict[str, Any] | bytes, status: int, param: str | None) -> None:
    client = await ask(Gateway(), body)
    assert (client.responder.status, answer_of(client)["error"]["param"]) == (status, param)
