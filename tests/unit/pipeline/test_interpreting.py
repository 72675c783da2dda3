"""A client of Anthropic's API is told in its own dialect whatever comes of its request."""

import asyncio
import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from gateway.pipeline.interpreting import DialectResponder
from gateway.ports import ClientGone
from gateway.wire.dialects import DIALECTS
from gateway.wire.headers import JSON, REQUEST_ID_HEADER, STREAM_HEADERS
from gateway.wire.problem import problem
from gateway.wire.sse import DONE, decode_events
from tests.support.behaviours import breaks_after, calls_tool, fails, speaks
from tests.support.crowds import idle
from tests.support.fake_inbound import FakeClient, FakeResponder
from tests.support.gateways import KEYED, TEAM_KEY, Gateway, answer_of, failures, held_until
from tests.support.openai_bodies import ToolCall, Words, chat_answer
from tests.support.scripts import End
from tests.unit.pipeline.test_follow import PATIENT

MESSAGE: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
STREAM: dict[str, Any] = {**MESSAGE, "stream": True}


async def ask(gateway: Gateway, body: dict[str, Any] | bytes = MESSAGE, **kwargs: Any) -> FakeClient:
    return await gateway.ask(body, operation=Operation.MESSAGES, **kwargs)


def events_of(client: FakeClient) -> list[dict[str, Any]]:
    """Return the data of the events that a client received."""
    assert client.responder.headers[b"content-type"].startswith(b"text/event-stream")
    return [json.loads(event.data or b"") for event in decode_events(client.responder.body)]


def text_of(client: FakeClient) -> str:
    """Return the text of a streamed answer."""
    return "".join(event["delta"]["text"] for event in events_of(client) if event["type"] == "content_block_delta")


def error_type_of(client: FakeClient) -> str:
    """Return the type of the error that a client received as a response of its own."""
    answer = answer_of(client)
    assert (answer["type"], answer["request_id"]) == ("error", client.responder.headers[b"request-id"].decode())
    kind: str = answer["error"]["type"]
    return kind


async def test_a_whole_answer_is_a_message_of_the_length_that_its_head_says() -> None:
    gateway = Gateway()
    client = await ask(gateway)
    answer = answer_of(client)
    assert (answer["type"], answer["content"]) == ("message", [{"type": "text", "text": "Paris is the capital."}])
    headers = client.responder.headers
    assert headers[b"content-length"] == b"%d" % len(client.responder.body)
    assert headers[b"request-id"] == headers[b"x-tiergate-request-id"]
    assert gateway.network.requests[0].path == "/v1/chat/completions"
    assert (gateway.receipt.operation, gateway.receipt.outcome) == (Operation.MESSAGES, Outcome.SUCCESS_UPSTREAM)


async def test_a_stream_is_a_messages_events() -> None:
    client = await ask(Gateway(), STREAM)
    events = events_of(client)
    assert text_of(client) == "Paris is the capital."
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    assert b"content-length" not in client.responder.headers
    assert events[-2]["usage"]["output_tokens"] == 5


async def test_the_usage_is_that_of_a_chat_by_the_same_server() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(Words(input_tokens=100, cached_tokens=64))
    for client in (await ask(gateway), await ask(gateway, STREAM)):
        last = answer_of(client) if client.responder.headers[b"content-type"] == JSON else events_of(client)[-2]
        assert last["usage"]["input_tokens"] + last["usage"]["cache_read_input_tokens"] == 100
    message, _ = gateway.kept.receipts
    await gateway.ask({**MESSAGE, "seed": 1})
    assert gateway.receipt.usage == message.usage


async def test_what_is_left_out_stands_in_the_receipt() -> None:
    gateway = Gateway()
    await ask(gateway, {**MESSAGE, "thinking": {"type": "adaptive"}})
    assert gateway.receipt.not_carried == ("thinking",)


async def test_a_call_of_a_tool_and_its_result() -> None:
    gateway = Gateway()
    gateway.network.plan.general = calls_tool(ToolCall("weather", '{"town":"Ulm"}'))
    tools = [{"name": "weather", "input_schema": {"type": "object"}}]
    answer = answer_of(await ask(gateway, {**MESSAGE, "tools": tools}))
    (call,) = answer["content"]
    assert (answer["stop_reason"], call["input"]) == ("tool_use", {"town": "Ulm"})
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "Sunny"}]}
    turns = [*MESSAGE["messages"], {"role": "assistant", "content": answer["content"]}, result]
    answer = answer_of(await ask(gateway, {**MESSAGE, "tools": tools, "messages": turns}))
    assert answer["stop_reason"] == "end_turn"
    sent = gateway.network.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("body", [MESSAGE, STREAM])
async def test_a_kept_answer_is_told_in_the_dialect_too(body: dict[str, Any]) -> None:
    gateway = Gateway()
    for cache in (b"miss", b"exact", b"exact"):
        client = await ask(gateway, body)
        assert client.responder.headers[b"x-tiergate-cache"] == cache
        said = text_of(client) if "stream" in body else answer_of(client)["content"][0]["text"]
        assert said == "Paris is the capital."
        assert b"content-length" in client.responder.headers or cache == b"miss"
    assert len(gateway.network.requests) == 1
    await gateway.ask(MESSAGE)
    assert gateway.receipt.cache == "miss", "a chat's answers lie apart"


async def test_requests_that_differ_in_what_is_left_out_have_answers_of_their_own() -> None:
    gateway = Gateway()
    for thinking in ("adaptive", "disabled", "adaptive"):
        await ask(gateway, {**MESSAGE, "thinking": {"type": thinking}})
    assert [receipt.cache for receipt in gateway.kept.receipts] == ["miss", "miss", "exact"]


async def test_one_that_follows_another_is_told_in_the_dialect() -> None:
    gateway, released = Gateway(PATIENT), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    clients = [gateway.client(STREAM) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(gateway.pipeline(Operation.MESSAGES, client.inbound, client.responder))
            await idle()
        released.set()
    assert [text_of(client) for client in clients] == ["Paris is the capital."] * 2
    assert clients[1].responder.headers[b"x-tiergate-cache"] == b"coalesced"
    assert len(gateway.network.requests) == 1


async def test_a_server_that_fails_before_its_first_word_is_not_told_of() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(fails(500))
    client = await ask(gateway, STREAM)
    assert failures(gateway) == [FailureKind.SERVER_ERROR, None]
    assert [event["type"] for event in events_of(client)].count("message_start") == 1
    assert text_of(client) == "Paris is the capital."


async def test_an_answer_that_breaks_off_ends_with_an_error() -> None:
    gateway = Gateway()
    gateway.network.plan.general = breaks_after(2, End.CLOSE)
    client = await ask(gateway, STREAM)
    events = events_of(client)
    assert (events[-1]["type"], events[-1]["error"]["type"]) == ("error", "api_error")
    assert "message_stop" not in [event["type"] for event in events]
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "invalid_request_error"),
        ({**MESSAGE, "model": "nobody"}, 404, "not_found_error"),
        ({**MESSAGE, "tools": [{"type": "bash_20250124", "name": "bash"}]}, 400, "invalid_request_error"),
    ],
)
async def test_errors_have_anthropics_shape(body: dict[str, Any] | bytes, status: int, kind: str) -> None:
    client = await ask(Gateway(), body)
    assert (client.responder.status, error_type_of(client)) == (status, kind)


async def test_the_key_is_taken_as_anthropics_clients_send_it() -> None:
    gateway = Gateway(KEYED)
    version = (b"anthropic-version", b"2023-06-01")
    client = await ask(gateway, headers=((b"x-api-key", TEAM_KEY), version))
    assert client.responder.status == 200
    client = await ask(gateway, headers=((b"x-api-key", b"sk-nobody"), version))
    assert (client.responder.status, error_type_of(client)) == (401, "authentication_error")


async def begin(headers: Any = STREAM_HEADERS) -> tuple[FakeResponder, DialectResponder]:
    inner = FakeResponder()
    responder = DialectResponder(inner, DIALECTS[Operation.MESSAGES])
    responder.watch()
    await responder.send_head(200, headers)
    return inner, responder


async def test_a_stream_begins_at_once_and_a_part_that_completes_nothing_is_not_sent() -> None:
    inner, responder = await begin()
    assert inner.status == 200
    await responder.send_chunk(b"data: [DO")
    assert inner.chunks == []
    await responder.send_chunk(b"NE]\n\n")
    assert inner.chunks[0].endswith(b'message_stop"}\n\n')
    await responder.aclose()
    assert (inner.closed, responder.is_full, responder.gone.is_set()) == (True, False, False)


async def test_a_whole_answers_head_waits_for_its_body() -> None:
    inner, responder = await begin([(b"content-type", JSON), (b"content-length", b"5")])
    assert inner.status is None
    body = chat_answer(Words())
    await responder.finish(body)
    assert inner.headers[b"content-length"] == b"%d" % len(inner.body)


async def test_a_client_that_left_is_told_nothing() -> None:
    inner = FakeResponder()
    responder = DialectResponder(inner, DIALECTS[Operation.MESSAGES])
    inner.break_off()
    with pytest.raises(ClientGone):
        await responder.send_head(200, [(b"content-type", JSON)])


async def test_an_error_without_an_id_has_none() -> None:
    inner = FakeResponder()
    responder = DialectResponder(inner, DIALECTS[Operation.MESSAGES])
    status, headers, body = problem(GatewayError(ErrorCode.NOT_FOUND, "Nothing."))
    await responder.send_head(status, headers)
    await responder.finish(body)
    assert "request_id" not in json.loads(inner.body)
    assert REQUEST_ID_HEADER not in inner.headers


async def test_a_stream_that_is_all_there_has_a_length() -> None:
    inner, responder = await begin([*STREAM_HEADERS, (b"content-length", b"14")])
    await idle()
    assert inner.status is None
    await responder.finish(DONE)
    assert inner.headers[b"content-length"] == b"%d" % len(inner.body)
