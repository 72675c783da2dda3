"""Servers that speak OpenAI's Responses API, asked by clients of any dialect."""

import json
from typing import Any

import pytest

from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
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
from tests.support.responses_bodies import SEALED, response, response_events, speaks_responses
from tests.unit.pipeline.test_interpreting import MESSAGE
from tests.unit.pipeline.test_interpreting_responses import ASKED
from tests.unit.pipeline.test_interpreting_responses import STREAM as ASKED_STREAM
from tests.unit.pipeline.test_interpreting_responses import text_of as response_text_of

NATIVE = TWO_TIERS.replace(
    '[{url: "http://small-a:8000/v1"}, {url: "http://small-b:8000/v1"}]',
    '[{url: "http://small-a:8000/v1", apis: [responses]}]',
)
BOTH = NATIVE.replace("[responses]", "[chat, responses]")
CALL = Words(tool=ToolCall("weather", '{"town":"Ulm"}', id="c1"))


def gateway_to(said: Words | None = None, *items: dict[str, object], policy: str = NATIVE) -> Gateway:
    gateway = Gateway(policy)
    gateway.network.plan.general = speaks_responses(said, *items)
    return gateway


async def test_a_chat_is_asked_in_the_servers_api_and_answered_as_a_chat() -> None:
    gateway = gateway_to(Words(input_tokens=11, cached_tokens=4))
    answer = answer_of(await gateway.ask(CHAT))
    assert (answer["object"], answer["choices"][0]["message"]["content"]) == (
        "chat.completion",
        "Paris is the capital.",
    )
    (seen,) = gateway.network.requests
    assert (seen.path, seen.json["model"], seen.json["store"]) == ("/v1/responses", "answer", False)
    assert gateway.receipt.usage.cached_input_tokens == 4


async def test_a_streamed_chat_is_a_chats_stream() -> None:
    gateway = gateway_to()
    client = await gateway.ask(STREAM)
    assert (text_of(client), events_of(client)[-1]) == ("Paris is the capital.", b"[DONE]")
    assert b"native-" not in client.responder.body
    assert gateway.receipt.usage.output_tokens == 5


async def test_a_streamed_call_of_a_function() -> None:
    chunks = [json.loads(data) for data in events_of(await gateway_to(CALL).ask(STREAM))[:-1]]
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"town":"Ulm"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("policy", [NATIVE, BOTH])
async def test_a_request_goes_on_as_it_came_but_for_its_model(policy: str) -> None:
    gateway = gateway_to(None, SEALED, policy=policy)
    raw = json.dumps({**ASKED, "truncation": "auto"}, indent=1).encode()
    client = await gateway.ask(raw, operation=Operation.RESPONSES)
    (seen,) = gateway.network.requests
    assert (seen.path, seen.body) == ("/v1/responses", raw.replace(b'"auto"', b'"answer"', 1))
    assert client.responder.body == dump(response(Words(model="answer"), SEALED))
    assert (gateway.receipt.outcome, gateway.receipt.usage.output_tokens) == (Outcome.SUCCESS_UPSTREAM, 5)


@pytest.mark.parametrize("items", [(), (SEALED,)])
async def test_a_stream_comes_as_it_was_sent(items: tuple[dict[str, object], ...]) -> None:
    gateway = gateway_to(None, *items)
    client = await gateway.ask(ASKED_STREAM, operation=Operation.RESPONSES)
    assert client.responder.body == b"".join(response_events(Words(model="answer"), *items))


@pytest.mark.parametrize("body", [ASKED, ASKED_STREAM])
@pytest.mark.parametrize("items", [(), (SEALED,)])
async def test_what_a_chat_cannot_say_is_not_kept(body: dict[str, Any], items: tuple[dict[str, object], ...]) -> None:
    gateway = gateway_to(None, *items)
    for _ in range(2):
        client = await gateway.ask(body, operation=Operation.RESPONSES)
    assert gateway.receipt.cache == ("miss" if items else "exact")
    if not items:
        assert response_text_of(client) == "Paris is the capital."


async def test_a_message_is_asked_of_it_too() -> None:
    gateway = gateway_to()
    answer = answer_of(await gateway.ask(MESSAGE, operation=Operation.MESSAGES))
    assert answer["content"] == [{"type": "text", "text": "Paris is the capital."}]
    assert gateway.network.requests[0].path == "/v1/responses"


async def test_what_its_api_has_no_words_for_is_refused_or_named() -> None:
    gateway = gateway_to()
    assert error_of(await gateway.ask({**CHAT, "n": 2}))["code"] == ErrorCode.INVALID_VALUE
    assert gateway.network.requests == []
    await gateway.ask({**CHAT, "seed": 1})
    assert gateway.receipt.attempts[0].removed == ("seed",)


async def test_members_that_a_tier_refuses_are_taken_out() -> None:
    gateway = gateway_to(policy=NATIVE.replace("small:\n    model:", "small:\n    refuses: [metadata]\n    model:"))
    await gateway.ask({**ASKED, "metadata": {"a": "b"}}, operation=Operation.RESPONSES)
    assert "metadata" not in gateway.network.requests[0].json
    assert gateway.receipt.attempts[0].removed == ("metadata",)


async def test_a_server_that_fails_is_not_the_last() -> None:
    gateway = gateway_to()
    gateway.network.plan.models["answer"] = always(json_reply(503, b"{}"))
    gateway.network.plan.models["answer-large"] = speaks()
    answer = answer_of(await gateway.ask(ASKED, operation=Operation.RESPONSES))
    assert (failures(gateway)[0], answer["model"]) == (FailureKind.BUSY, "answer-large")


async def test_a_response_that_failed_is_a_failure() -> None:
    gateway = gateway_to()
    failed = {**response(Words()), "status": "failed", "error": {"code": "server_error", "message": "No"}}
    gateway.network.plan.models["answer"] = always(json_reply(200, dump(failed)))
    await gateway.ask({**CHAT, "model": "small"})
    assert gateway.receipt.outcome is Outcome.UPSTREAM_FAILED


async def test_an_answer_that_breaks_off_is_told_as_such_in_either_dialect() -> None:
    gateway = gateway_to()
    begun = response_events(Words())[:3]
    gateway.network.plan.general = always(sse_reply(*begun))
    assert b"stream_interrupted" in events_of(await gateway.ask(STREAM))[-1]
    client = await gateway.ask(ASKED_STREAM, operation=Operation.RESPONSES)
    assert client.responder.body.startswith(b"".join(begun))
    ending = json.loads(client.responder.body.rpartition(b"data: ")[2])
    assert (ending["type"], ending["sequence_number"]) == ("error", 3)


STATEFUL: dict[str, Any] = {**ASKED, "previous_response_id": "resp_1"}


async def test_what_only_such_a_server_can_do_is_asked_of_it_alone_and_not_kept() -> None:
    gateway = gateway_to(policy=NATIVE.replace("dial: 1000000", "dial: 0"))
    for _ in range(2):
        answer = answer_of(await gateway.ask(STATEFUL, operation=Operation.RESPONSES))
        assert answer["model"] == "answer"
    assert gateway.receipt.cache == "off"
    assert gateway.receipt.decision is not None
    assert {tier.tier: tier.removed_by for tier in gateway.receipt.decision.views} == {
        "small": None,
        "large": ReasonCode.RESPONSES,
    }
    assert gateway.network.requests[1].json["previous_response_id"] == "resp_1"


@pytest.mark.parametrize("model", ["auto", "large"])
async def test_where_no_such_server_is_the_client_is_told_what_to_do_instead(model: str) -> None:
    gateway = Gateway(TWO_TIERS if model == "auto" else NATIVE)
    client = await gateway.ask({**STATEFUL, "model": model}, operation=Operation.RESPONSES)
    error = answer_of(client)["error"]
    assert (client.responder.status, error["param"]) == (400, "previous_response_id")
    assert "not kept here" in error["message"]
    assert gateway.network.requests == []
