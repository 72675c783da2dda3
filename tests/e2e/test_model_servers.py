"""What model servers do wrong, as the official client sees it through a gateway: half an answer is never whole."""

import asyncio
import json
from collections.abc import Iterator, Sequence

import httpx
import openai
import pytest
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionUserMessageParam,
)

from tests.e2e.test_openai_client import HELLO, QUESTION, TOOL, text_of
from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import RunningGateway
from tests.support.openai_bodies import DONE, interleaved_events
from tests.support.waiting import eventually

SAID = "Paris is the capital."
"""What the scripted server says when nothing is wrong with it."""


@pytest.fixture
def client(scripted_gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    """A client with its usual retries, so that what it retries in vain is seen."""
    with openai.OpenAI(base_url=scripted_gateway.base_url, api_key="unused") as client:
        yield client


def metrics(gateway: RunningGateway) -> str:
    """Return what a scrape is told."""
    return httpx.get(f"{gateway.origin}/metrics").text


def streamed(client: openai.OpenAI, model: str) -> tuple[list[ChatCompletionChunk], openai.APIError | None]:
    """Return what came of a stream, and the error it ended with."""
    chunks: list[ChatCompletionChunk] = []
    with client.chat.completions.create(model=model, messages=HELLO, stream=True) as stream:
        try:
            for chunk in stream:
                chunks.append(chunk)  # noqa: PERF402 (what came before the error is wanted too)
        except openai.APIError as error:
            return chunks, error
    return chunks, None


def finish_reasons(chunks: Sequence[ChatCompletionChunk]) -> list[str]:
    """Return every finish reason that a stream gave."""
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("busy", 503, "tier_unavailable"),
        ("throttled-without-hint", 503, "tier_unavailable"),
        ("broken", 502, "upstream_error"),
        ("unreachable", 502, "upstream_error"),
        ("mute", 504, "upstream_timeout"),
        ("reset", 502, "upstream_error"),
        ("garbage", 502, "upstream_error"),
        ("error-in-200", 502, "upstream_error"),
        ("error-event", 502, "upstream_error"),
        ("html", 502, "upstream_error"),
        ("html-in-200", 502, "upstream_error"),
        ("empty-stream", 502, "upstream_error"),
        ("not-an-answer", 502, "upstream_error"),
    ],
)
def test_a_server_that_gives_no_answer_is_told_as_an_error(
    client: openai.OpenAI, model: str, status: int, code: str, stream: bool
) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client.with_options(max_retries=0).chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert (raised.value.status_code, raised.value.code) == (status, code)


@pytest.mark.parametrize(
    "model", ["unreachable", "broken", "reset", "mute", "garbage", "error-in-200", "error-event", "html-in-200"]
)
def test_another_tier_answers_in_its_place(client: openai.OpenAI, model: str) -> None:
    response = client.chat.completions.with_raw_response.create(model=f"{model}+", messages=HELLO)
    assert response.parse().choices[0].message.content == SAID
    assert response.headers["x-tiergate-tier"] == "ok"
    chunks, error = streamed(client, f"{model}+")
    assert (text_of(chunks), finish_reasons(chunks), error) == (SAID, ["stop"], None)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asked(
    client: openai.OpenAI, fault_process: FaultProcess
) -> None:
    before = len(fault_process.requests("throttled"))
    with pytest.raises(openai.InternalServerError) as raised:
        client.with_options(max_retries=0).chat.completions.create(model="throttled", messages=HELLO)
    assert raised.value.response.headers["retry-after"] == "30"
    for _ in range(5):
        response = client.chat.completions.with_raw_response.create(model="throttled+", messages=HELLO)
        assert response.headers["x-tiergate-tier"] == "ok"
    assert len(fault_process.requests("throttled")) - before == 1


def test_the_client_does_not_retry_what_the_gateway_has_tried(
    client: openai.OpenAI, fault_process: FaultProcess
) -> None:
    before = len(fault_process.requests("broken"))
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="broken", messages=HELLO)
    assert len(fault_process.requests("broken")) - before == 1


def test_a_refusal_is_the_clients_and_no_other_tier_is_asked(
    client: openai.OpenAI, fault_process: FaultProcess
) -> None:
    before = len(fault_process.requests("ok"))
    with pytest.raises(openai.BadRequestError, match="scripted 400") as raised:
        client.chat.completions.create(model="rejects+", messages=HELLO)
    assert raised.value.code == "upstream_rejected"
    assert len(fault_process.requests("ok")) == before


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("stalls-after-3", "stream_stalled"),
        ("resets-after-3", "stream_interrupted"),
        ("closes-after-3", "stream_interrupted"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "+"])
def test_a_stream_that_breaks_off_raises_and_is_never_taken_up_by_another(
    client: openai.OpenAI, model: str, code: str, suffix: str
) -> None:
    chunks, error = streamed(client, model + suffix)
    assert text_of(chunks) == " w0 w1 w2"
    assert finish_reasons(chunks) == []
    assert error is not None
    assert error.code == code


def test_a_stream_without_its_last_line_is_complete_when_the_model_had_finished(client: openai.OpenAI) -> None:
    chunks, error = streamed(client, "no-done")
    assert (text_of(chunks), finish_reasons(chunks), error) == (SAID, ["stop"], None)


def test_usage_is_counted_where_the_server_does_not_say(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="no-usage", messages=HELLO, stream=True) as stream:
        assert text_of(list(stream)) == SAID
    request_id = stream.response.headers["x-tiergate-request-id"]
    usage = client.get(f"/receipts/{request_id}", cast_to=httpx.Response).json()["usage"]
    assert (usage["source"], usage["output_tokens"]) == ("counted", 5)


def test_a_long_stream_comes_whole_and_in_order(client: openai.OpenAI) -> None:
    chunks, error = streamed(client, "streams-200")
    assert text_of(chunks) == "".join(f" w{number}" for number in range(200))
    assert error is None


@pytest.mark.parametrize("choices", [2, 3, 4])
def test_a_burst_of_tokens_of_several_choices_comes_in_the_order_in_which_it_was_written(
    client: openai.OpenAI, choices: int
) -> None:
    with client.chat.completions.create(model="bursts-500", messages=HELLO, n=choices, stream=True) as stream:
        chunks = list(stream)
    said = [(one.index, one.delta.content) for chunk in chunks for one in chunk.choices if one.delta.content]
    written = interleaved_events("bursts:500", choices, 500, seed=0)
    assert said == [pair for event in written if (pair := _said_in(event))]
    assert len(said) == choices * 500
    assert finish_reasons(chunks) == ["stop"] * choices


def _said_in(event: bytes) -> tuple[int, str] | None:
    if event == DONE:
        return None
    (choice,) = json.loads(event.removeprefix(b"data: "))["choices"]
    return (choice["index"], choice["delta"]["content"]) if choice["delta"].get("content") else None


def test_a_body_goes_on_as_it_was_written_but_for_the_models_name(
    scripted_gateway: RunningGateway, fault_process: FaultProcess
) -> None:
    picture = '{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}'
    sent = (
        '{"messages": [{"role":"user","content": [ {"type":"text","text":"caf\\u00e9 \\/ café"}, '
        + picture
        + ' ]}], "guided_regex" : "[a-z]+", "model" : "ok", "seed": 1.50e2, "metadata": {"z": 1, "a": null}}'
    )
    headers = {"content-type": "application/json"}
    answer = httpx.post(scripted_gateway.base_url + "/chat/completions", content=sent.encode(), headers=headers)
    assert answer.status_code == 200
    assert fault_process.requests("ok")[-1]["body"] == sent


def test_embeddings_go_to_the_tier_that_the_alias_names(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="ok", input=["one"], encoding_format="float")
    assert answer.data[0].embedding == [0.25, -0.5, 0.125]
    assert answer.usage.total_tokens == 11


def test_a_decision_goes_to_the_tier_that_makes_them(client: openai.OpenAI) -> None:
    decision = client.decisions.create(model="ok", input="Now!", questions=[QUESTION])
    (answer,) = decision.answers
    assert answer.type == "predicate"
    assert (answer.name, answer.probability) == ("urgent", 0.97)
    assert (decision.model, decision.usage.input_tokens) == ("ok", 11)


def test_tool_calls_come_whole_and_the_loop_closes(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="tools", messages=HELLO, tools=[TOOL])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls is not None
    (call,) = answer.choices[0].message.tool_calls
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {})
    question: ChatCompletionUserMessageParam = {"role": "user", "content": "How is the weather?"}
    closed = client.chat.completions.create(
        model="tools",
        messages=[
            question,
            {
                "role": "assistant",
                "tool_calls": [{"id": call.id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "Rain."},
        ],
        tools=[TOOL],
    )
    assert closed.choices[0].message.content == SAID


def test_streamed_tool_calls_are_put_together_by_the_client(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="tools", messages=HELLO, tools=[TOOL]) as stream:
        answer = stream.until_done().get_final_completion()
    assert answer.choices[0].message.tool_calls is not None
    (call,) = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", "{}")
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_while_it_waits_frees_the_server(
    scripted_gateway: RunningGateway, fault_process: FaultProcess, stream: bool
) -> None:
    before = len(fault_process.requests("mute"))
    async with openai.AsyncOpenAI(base_url=scripted_gateway.base_url, api_key="unused", max_retries=0) as client:
        waiting = asyncio.create_task(client.chat.completions.create(model="patient", messages=HELLO, stream=stream))
        await eventually(lambda: len(fault_process.requests("mute")) == before + 1)
        assert fault_process.requests("mute")[-1]["gone_at_s"] is None
        waiting.cancel()
        await asyncio.wait([waiting])
        await eventually(lambda: fault_process.requests("mute")[-1]["gone_at_s"] is not None)


async def test_a_batch_request_waits_for_room_to_spare_and_is_told_when_it_finds_none(
    scripted_gateway: RunningGateway, fault_process: FaultProcess
) -> None:
    before, batch = len(fault_process.requests("mute")), {"x-tiergate-priority": "batch"}
    async with openai.AsyncOpenAI(base_url=scripted_gateway.base_url, api_key="unused", max_retries=0) as client:
        create = client.chat.completions.create
        running = asyncio.create_task(create(model="patient", messages=HELLO, extra_headers=batch))
        await eventually(lambda: len(fault_process.requests("mute")) == before + 1)
        hurried = {**batch, "x-tiergate-deadline-ms": "300"}
        with pytest.raises(openai.APIStatusError) as told:
            await create(model="patient", messages=HELLO, stream=True, extra_headers=hurried)
        assert told.value.status_code == 504
        assert "waited 0.3 s for room on the tier patient" in told.value.message
        waiting = asyncio.create_task(create(model="patient", messages=HELLO, service_tier="flex"))
        await eventually(lambda: 'tiergate_batch_waiting{worker="0"} 1' in metrics(scripted_gateway))
        assert len(fault_process.requests("mute")) == before + 1, "no server was called for it"
        running.cancel()
        await eventually(lambda: len(fault_process.requests("mute")) == before + 2)
        waiting.cancel()
        await asyncio.wait([running, waiting])
    assert 'tiergate_batch_requests_total{ending="expired"' in metrics(scripted_gateway)
