"""What real model servers do that OpenAI's does not, each as a request meets it, by the server that it was seen at."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.domain.usage import UsageSource
from tests.support.behaviours import always, json_reply, sse_reply
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, STREAM, TWO_TIERS, Gateway, answer_of, error_of, events_of, text_of
from tests.support.openai_bodies import DONE, Words, chat_answer, dump, event
from tests.support.scripts import Reply

USAGE: dict[str, Any] = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
ASKED: dict[str, Any] = {**STREAM, "stream_options": {"include_usage": True}}


def chunk(content: str | None, finish_reason: str | None = None, *, model: str = "m", **members: Any) -> bytes:
    """Write one event of a stream."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    return event({"id": "c", "object": "chat.completion.chunk", "model": model, "choices": [choice], **members})


async def asked(script: Reply, body: dict[str, Any] = ASKED, policy: str = TWO_TIERS) -> tuple[Gateway, FakeClient]:
    """Ask a server that answers so; every request leaves a receipt of one attempt."""
    gateway = Gateway(policy)
    gateway.network.plan.general = always(script)
    client = await gateway.ask(body)
    assert len(gateway.receipt.attempts) == 1
    return gateway, client


async def test_llama_cpps_first_delta_with_content_null_is_passed_on_and_is_no_content() -> None:
    gateway, client = await asked(sse_reply(chunk(None), chunk("Paris"), chunk("", "stop", usage=USAGE), DONE))
    assert text_of(client) == "Paris"
    assert json.loads(events_of(client)[0])["choices"][0]["delta"] == {"content": None}
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_stream_of_content_null_alone_is_no_answer() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(sse_reply(chunk(None), DONE))
    client = await gateway.ask(STREAM)
    assert (client.responder.status, error_of(client)["code"]) == (502, ErrorCode.UPSTREAM_ERROR)


async def test_transformers_stream_without_done_ends_with_one_and_is_whole() -> None:
    gateway, client = await asked(sse_reply(chunk("Paris"), chunk("", "stop", usage=USAGE)))
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


@pytest.mark.parametrize("body", [ASKED, STREAM])
async def test_transformers_usage_on_the_last_chunk_with_choices_counts_and_keeps_the_choices(
    body: dict[str, Any],
) -> None:
    gateway, client = await asked(sse_reply(chunk("Paris"), chunk(".", "stop", usage=USAGE), DONE), body)
    assert (gateway.receipt.usage.input_tokens, gateway.receipt.usage.output_tokens) == (11, 2)
    assert gateway.receipt.usage.source is UsageSource.REPORTED
    assert text_of(client) == "Paris."


async def test_vllms_continuous_usage_is_the_last_and_not_the_sum() -> None:
    running = [{**USAGE, "completion_tokens": made, "total_tokens": 11 + made} for made in (1, 2)]
    gateway, client = await asked(
        sse_reply(chunk("Paris", usage=running[0]), chunk(".", "stop", usage=running[1]), DONE)
    )
    assert gateway.receipt.usage.output_tokens == 2
    assert text_of(client) == "Paris."


@pytest.mark.parametrize("choices", [[], None])
async def test_a_usage_chunk_without_choices_goes_to_who_asked_alone(choices: list[Any] | None) -> None:
    told = event({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": choices, "usage": USAGE})
    for body, times in ((ASKED, 1), (STREAM, 0)):
        gateway, client = await asked(sse_reply(chunk("Paris"), chunk("", "stop"), told, DONE), body)
        assert gateway.receipt.usage.output_tokens == 2
        assert client.responder.body.count(b'"usage"') == times


async def test_a_model_name_that_comes_back_altered_is_passed_on_and_the_header_says_the_policys() -> None:
    body = chat_answer(Words(model="Qwen/Qwen3@main", pieces=("Paris",)))
    gateway, client = await asked(json_reply(200, body), CHAT)
    assert answer_of(client)["model"] == "Qwen/Qwen3@main"
    assert client.responder.headers[b"x-tiergate-model"] == b"answer"
    assert gateway.receipt.served_model == "answer"


async def test_a_message_without_refusal_and_with_timings_is_passed_on_byte_for_byte() -> None:
    message = {"role": "assistant", "content": "Paris"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    timings = {"prompt_n": 7, "cache_n": 4, "predicted_n": 2}
    body = dump({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "timings": timings})
    gateway, client = await asked(json_reply(200, body), CHAT)
    assert client.responder.body == body
    usage = gateway.receipt.usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == (11, 4, 2)


@pytest.mark.parametrize("code", [400, "400", None, 4.5])
async def test_a_numeric_error_code_becomes_text(code: Any) -> None:
    told = {"error": {"code": code, "message": "logprobs is not supported with tools + stream", "type": "invalid"}}
    gateway, client = await asked(json_reply(400, dump(told)), CHAT)
    error = error_of(client)
    assert (client.responder.status, error["message"]) == (400, "logprobs is not supported with tools + stream")
    assert error["code"] is None or isinstance(error["code"], str)
    assert gateway.receipt.outcome is Outcome.UPSTREAM_REJECTED


async def test_llama_cpps_501_for_embeddings_is_the_clients_and_no_other_server_is_asked() -> None:
    gateway = Gateway()
    said = "This server does not support embeddings. Start it with `--embeddings`"
    gateway.network.plan.general = always(json_reply(501, dump({"error": {"code": 501, "message": said}})))
    client = await gateway.ask({"model": "small", "input": "x"}, operation=Operation.EMBEDDINGS)
    assert (client.responder.status, error_of(client)["message"]) == (501, said)
    assert len(gateway.network.requests) == 1


@pytest.mark.parametrize(("dialect", "is_sent"), [("basic", False), ("vllm", True), ("openai", True)])
async def test_stream_options_are_sent_where_they_are_known(dialect: str, is_sent: bool) -> None:
    policy = TWO_TIERS.replace('8000/v1"}', f'8000/v1", dialect: {dialect}}}')
    gateway, _ = await asked(sse_reply(chunk("Paris", "stop", usage=USAGE), DONE), STREAM, policy)
    assert ("stream_options" in gateway.network.requests[0].json) is is_sent
