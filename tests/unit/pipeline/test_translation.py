"""Servers that speak Anthropic's Messages API, asked by clients of either dialect."""

import json
from typing import Any

import pytest

from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from tests.support.anthropic_bodies import SIGNED, message, message_events, speaks_messages
from tests.support.behaviours import always, json_reply, speaks, sse_reply
from tests.support.gateways import (
    CHAT,
    STREAM,
    TWO_TIERS,
    Gateway,
    answer_of,
    error_of,
    events_of,
    failures,
    text_of,
)
from tests.support.openai_bodies import ToolCall, Words, dump
from tests.support.scripts import Reply
from tests.unit.pipeline.test_interpreting import MESSAGE
from tests.unit.pipeline.test_interpreting import STREAM as MESSAGE_STREAM
from tests.unit.pipeline.test_interpreting import text_of as message_text_of

HOSTED = TWO_TIERS.replace(
    '[{url: "http://small-a:8000/v1"}, {url: "http://small-b:8000/v1"}]',
    '[{url: "http://claude:8000/v1", dialect: anthropic, api_key: "env:SEARCH_KEY"}]',
)
BOTH = TWO_TIERS.replace('b:8000/v1"}', 'b:8000/v1", apis: [chat, messages]}').replace(
    '[{url: "http://small-a:8000/v1"}, {', "[{"
)
CALL = Words(tool=ToolCall("weather", '{"town":"Ulm"}', id="t1"))


def gateway_to(said: Words | None = None, *, signed: bool = False, policy: str = HOSTED) -> Gateway:
    gateway = Gateway(policy)
    gateway.network.plan.general = speaks_messages(said, signed=signed)
    return gateway


async def test_a_chat_is_asked_in_the_servers_api_and_answered_as_a_chat() -> None:
    gateway = gateway_to(Words(input_tokens=11, cached_tokens=4))
    answer = answer_of(await gateway.ask(CHAT))
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "Paris is the capital."
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    (seen,) = gateway.network.requests
    assert seen.path == "/v1/messages"
    assert (seen.header(b"x-api-key"), seen.header(b"authorization")) == (b"sk-search", None)
    assert seen.header(b"anthropic-version") == b"2023-06-01"
    assert (seen.json["model"], seen.json["max_tokens"]) == ("answer", 4_096)
    assert gateway.receipt.usage.cached_input_tokens == 4


async def test_a_streamed_chat_is_a_chats_stream() -> None:
    gateway = gateway_to()
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert events_of(client)[-1] == b"[DONE]"
    assert b'"usage"' not in client.responder.body
    assert b"native-" not in client.responder.body
    assert gateway.receipt.usage.output_tokens == 5


async def test_a_streamed_call_of_a_tool() -> None:
    chunks = [json.loads(data) for data in events_of(await gateway_to(CALL).ask(STREAM))[:-1]]
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"town":"Ulm"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_request_goes_on_as_it_came_but_for_its_model() -> None:
    gateway = gateway_to(signed=True)
    marked = {**MESSAGE, "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
    raw = json.dumps(marked, indent=1).encode()
    beta = (b"anthropic-beta", b"context-management-2025-06-27")
    client = await gateway.ask(raw, operation=Operation.MESSAGES, headers=(beta,))
    (seen,) = gateway.network.requests
    assert seen.body == raw.replace(b'"auto"', b'"answer"')
    assert seen.header(b"anthropic-beta") == beta[1]
    assert client.responder.body == dump(message(Words(model="answer"), SIGNED))
    assert (gateway.receipt.outcome, gateway.receipt.usage.output_tokens) == (Outcome.SUCCESS_UPSTREAM, 5)


@pytest.mark.parametrize("signed", [False, True])
async def test_a_stream_comes_as_it_was_sent(signed: bool) -> None:
    gateway = gateway_to(signed=signed)
    client = await gateway.ask(MESSAGE_STREAM, operation=Operation.MESSAGES)
    assert client.responder.body == b"".join(message_events(Words(model="answer"), signed=signed))


@pytest.mark.parametrize("body", [MESSAGE, MESSAGE_STREAM])
@pytest.mark.parametrize("signed", [False, True])
async def test_what_a_chat_cannot_say_is_not_kept(body: dict[str, Any], signed: bool) -> None:
    gateway = gateway_to(signed=signed)
    for _ in range(2):
        client = await gateway.ask(body, operation=Operation.MESSAGES)
    assert gateway.receipt.cache == ("miss" if signed else "exact")
    if "stream" in body and not signed:
        assert message_text_of(client) == "Paris is the capital."


@pytest.mark.parametrize(("body", "path"), [(CHAT, "/v1/chat/completions"), (MESSAGE, "/v1/messages")])
async def test_a_server_of_both_is_asked_as_its_client_asks(body: dict[str, Any], path: str) -> None:
    gateway = Gateway(BOTH)
    if body is MESSAGE:
        gateway.network.plan.general = speaks_messages()
    await gateway.ask(body, operation=Operation.MESSAGES if body is MESSAGE else Operation.CHAT)
    (seen,) = gateway.network.requests
    assert (seen.path, seen.header(b"authorization")) == (path, None)


THOUGHTS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "Hello."}],
    },
    {"role": "user", "content": "And then?"},
]


@pytest.mark.parametrize(
    ("policy", "types", "removed"),
    [
        (HOSTED, ["text"], ("messages.content.thinking",)),
        (BOTH, ["thinking", "text"], ()),
    ],
)
async def test_thoughts_that_nobody_signed_do_not_reach_anthropics_api(
    policy: str, types: list[str], removed: tuple[str, ...]
) -> None:
    gateway = gateway_to(policy=policy)
    await gateway.ask({**MESSAGE, "messages": THOUGHTS}, operation=Operation.MESSAGES)
    (seen,) = gateway.network.requests
    assert [block["type"] for block in seen.json["messages"][1]["content"]] == types
    assert [attempt.removed for attempt in gateway.receipt.attempts] == [removed]


@pytest.mark.parametrize(("price", "charge"), [("", 100 + 2 * 10), (", cached_input: 0.1, cache_write: 1.25", 131)])
@pytest.mark.parametrize("is_chat", [True, False])
async def test_what_a_server_writes_to_its_cache_has_its_own_price(price: str, charge: int, is_chat: bool) -> None:
    gateway = gateway_to(
        policy=HOSTED.replace("price: {input: 1, output: 2}", f"price: {{input: 1, output: 2{price}}}")
    )
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 80,
        "cache_read_input_tokens": 10,
        "output_tokens": 10,
    }
    told = message(Words()) | {"usage": usage}
    gateway.network.plan.general = always(json_reply(200, dump(told)))
    client = await gateway.ask(CHAT) if is_chat else await gateway.ask(MESSAGE, operation=Operation.MESSAGES)
    if is_chat:
        assert answer_of(client)["usage"]["prompt_tokens_details"] == {"cached_tokens": 10, "cache_write_tokens": 80}
    else:
        assert answer_of(client)["usage"] == usage
    receipt = gateway.receipt
    assert (receipt.usage.input_tokens, receipt.usage.cached_input_tokens, receipt.usage.cache_write_tokens) == (
        100,
        10,
        80,
    )
    # In nano-USD: a token of input is 1,000.
    assert receipt.charge_usd_nano == 1_000 * charge


async def test_what_its_api_has_no_words_for_is_refused_or_named() -> None:
    gateway = gateway_to()
    assert error_of(await gateway.ask({**CHAT, "n": 2}))["code"] == ErrorCode.INVALID_VALUE
    assert gateway.network.requests == []
    await gateway.ask({**CHAT, "seed": 1})
    assert gateway.receipt.attempts[0].removed == ("seed",)


SEARCHING: dict[str, Any] = {**MESSAGE, "tools": [{"type": "web_search_20260318", "name": "web_search"}]}


async def test_what_only_that_api_can_do_goes_to_a_tier_that_serves_it_and_is_not_kept() -> None:
    gateway = gateway_to(policy=HOSTED.replace("dial: 1000000", "dial: 0"))
    for _ in range(2):
        client = await gateway.ask(SEARCHING, operation=Operation.MESSAGES)
        assert client.responder.headers[b"x-tiergate-tier"] == b"small"
        assert gateway.receipt.cache == "off"
    assert gateway.network.requests[0].json == {**SEARCHING, "model": "answer"}
    assert gateway.receipt.decision is not None
    assert [view.removed_by for view in gateway.receipt.decision.views] == [None, ReasonCode.MESSAGES]


async def test_where_no_tier_serves_that_api_it_is_refused_by_its_place() -> None:
    answer = answer_of(await Gateway().ask(SEARCHING, operation=Operation.MESSAGES))
    assert (answer["error"]["type"], answer["error"]["message"][:10]) == ("invalid_request_error", "'tools.0' ")


async def test_a_server_that_fails_is_not_the_last() -> None:
    gateway = gateway_to()
    busy = dump({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})
    gateway.network.plan.models["answer"] = always(json_reply(529, busy))
    gateway.network.plan.models["answer-large"] = speaks()
    answer = answer_of(await gateway.ask(MESSAGE, operation=Operation.MESSAGES))
    assert (failures(gateway)[0], answer["model"]) == (FailureKind.BUSY, "answer-large")


@pytest.mark.parametrize(
    "script",
    [
        json_reply(200, b"[]"),
        json_reply(200, dump({"type": "error", "error": {"type": "api_error", "message": "No"}})),
    ],
)
async def test_an_answer_that_is_none_is_a_failure(script: Reply) -> None:
    gateway = gateway_to()
    gateway.network.plan.models["answer"] = always(script)
    await gateway.ask({**CHAT, "model": "small"})
    assert gateway.receipt.outcome is Outcome.UPSTREAM_FAILED


async def test_a_stream_that_is_none_is_a_failure() -> None:
    gateway = gateway_to()
    gateway.network.plan.models["answer"] = always(sse_reply(b"data: {\n\n"))
    await gateway.ask({**STREAM, "model": "small"})
    assert gateway.receipt.outcome is Outcome.UPSTREAM_FAILED


async def test_a_stream_that_comes_in_pieces_is_put_together() -> None:
    gateway = gateway_to()
    stream = b"".join(message_events(Words(pieces=("Zürich", "!"))))
    gateway.network.plan.general = always(sse_reply(*[stream[at : at + 7] for at in range(0, len(stream), 7)]))
    assert text_of(await gateway.ask(STREAM)) == "Zürich!"


async def test_an_answer_that_breaks_off_is_told_as_such_in_either_dialect() -> None:
    gateway = gateway_to()
    begun = message_events(Words())[:5]
    gateway.network.plan.general = always(sse_reply(*begun))
    assert b"stream_interrupted" in events_of(await gateway.ask(STREAM))[-1]
    client = await gateway.ask(MESSAGE_STREAM, operation=Operation.MESSAGES)
    assert client.responder.body.startswith(b"".join(begun))
    assert b"event: error" in client.responder.body
