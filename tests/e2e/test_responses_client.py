"""OpenAI's client calling the Responses API of a gateway process, before scripted servers that speak chats alone."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import httpx
import openai
import pytest
from openai.types.responses import FunctionToolParam, ParsedResponse, ResponseInputParam, ResponseStreamEvent
from pydantic import BaseModel

from gateway.app.demo_models import ModelServer
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.live_policies import TEAM_KEY, two_tiers

TEXT = "Paris is the capital."
TOOL: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather",
    "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
    "strict": False,
}

ON_AND_ON = {"ignore_eos": True}
"""Random weights may end their answer at any token; with this they go on up to `max_output_tokens`."""


@pytest.fixture
def client(scripted_gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    """A client whose base URL is all that was changed."""
    with openai.OpenAI(base_url=scripted_gateway.base_url, api_key="any", max_retries=0) as client:
        yield client


def kinds(events: Sequence[ResponseStreamEvent]) -> list[str]:
    """Return what came, in order, each kind once where it repeats."""
    return list(dict.fromkeys(event.type.removeprefix("response.") for event in events))


def text_of(events: Sequence[ResponseStreamEvent]) -> str:
    """Join what a stream said."""
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def test_a_response_has_text_usage_and_a_status(client: openai.OpenAI) -> None:
    response = client.responses.create(model="ok", input="Hello there", instructions="Be brief.", store=False)
    assert (response.output_text, response.status, response.model) == (TEXT, "completed", "ok")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 5)
    assert response.instructions == "Be brief."


def test_a_stream_is_read_to_the_same_response(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="ok", input="Hello there")
    with client.responses.stream(model="ok", input="Hello there") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert (final.output_text, final.usage, final.status) == (whole.output_text, whole.usage, whole.status)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


@pytest.mark.parametrize("model", ["no-usage", "no-done"])
def test_streams_of_odd_servers_end_as_they_should(client: openai.OpenAI, model: str) -> None:
    events = list(client.responses.create(model=model, input="Hello there", stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == TEXT
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_function_is_called_and_its_result_answered(client: openai.OpenAI) -> None:
    asked: ResponseInputParam = [{"role": "user", "content": "How is the weather?"}]
    with client.responses.stream(model="tools", input=asked, tools=[TOOL]) as stream:
        stream.until_done()
        streamed = stream.get_final_response()
    whole = client.responses.create(model="tools", input=asked, tools=[TOOL])
    (call,) = whole.output
    (same,) = streamed.output
    assert call.type == same.type == "function_call"
    assert (call.name, call.arguments, call.call_id) == (same.name, same.arguments, same.call_id)
    assert (call.name, call.arguments) == ("weather", "{}")
    turns: ResponseInputParam = [
        *asked,
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"},
    ]
    assert client.responses.create(model="tools", input=turns, tools=[TOOL]).output_text == TEXT


@pytest.mark.parametrize("model", ["broken+", "reset+", "error-event+", "empty-stream+", "mute+"])
def test_a_server_that_fails_before_its_first_word_is_not_told_of(client: openai.OpenAI, model: str) -> None:
    events = list(client.responses.create(model=model, input="Hello there", stream=True))
    assert [event.type for event in events].count("response.created") == 1
    assert events[-1].type == "response.completed"
    assert (events[-1].response.model, events[-1].response.output_text) == ("ok", TEXT)


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("closes-after-3", "stream_interrupted"),
        ("resets-after-3", "stream_interrupted"),
        ("stalls-after-3", "stream_stalled"),
    ],
)
def test_an_answer_that_breaks_off_raises_behind_what_came_of_it(client: openai.OpenAI, model: str, code: str) -> None:
    events: list[ResponseStreamEvent] = []
    with pytest.raises(openai.APIError) as raised:
        events.extend(client.responses.create(model=model, input="Hello there", stream=True))
    assert raised.value.code == code
    assert text_of(events) == " w0 w1 w2"
    assert events[-1].type == "response.failed"


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("nobody", openai.NotFoundError),
        ("rejects", openai.BadRequestError),
        ("broken", openai.InternalServerError),
        ("throttled", openai.InternalServerError),
    ],
)
def test_errors_are_the_clients_own(client: openai.OpenAI, model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.responses.create(model=model, input="Hello there")


@pytest.mark.parametrize("stream", [False, True])
def test_what_no_chat_server_can_do_is_refused_by_its_name(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match="not kept here") as raised:
        client.responses.create(model="ok", input="Hello there", previous_response_id="resp_1", stream=stream)
    assert raised.value.param == "previous_response_id"
    with pytest.raises(openai.BadRequestError, match="web_search") as raised:
        client.responses.create(model="ok", input="Hello there", tools=[{"type": "web_search"}], stream=stream)
    assert raised.value.param == "tools.0.type"


def test_what_the_answer_does_not_need_is_named_in_the_receipt(
    client: openai.OpenAI, scripted_gateway: RunningGateway
) -> None:
    answer = client.responses.with_raw_response.create(
        model="ok", input="Hello there", include=["reasoning.encrypted_content"], truncation="auto"
    )
    identity = answer.headers["x-tiergate-request-id"]
    receipt = httpx.get(f"{scripted_gateway.base_url}/receipts/{identity}").json()
    assert receipt["operation"] == "responses"
    assert receipt["not_carried"] == ["include.reasoning.encrypted_content", "truncation"]


class Opinion(BaseModel):
    """What the model is made to answer: nothing whose length it could choose."""

    colour: Literal["red", "blue"]
    sure: bool


@pytest.fixture
def live_client(live_gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    """The same before real model servers."""
    with openai.OpenAI(base_url=live_gateway.base_url, api_key=TEAM_KEY, max_retries=0) as client:
        yield client


@pytest.mark.servers
def test_a_structured_answer_is_what_its_schema_says(live_client: openai.OpenAI) -> None:
    whole = live_client.responses.parse(model="auto", input="Hello there", text_format=Opinion, temperature=0)
    with live_client.responses.stream(model="auto", input="Hello there", text_format=Opinion, temperature=0) as stream:
        streamed = stream.until_done().get_final_response()
    assert isinstance(whole.output_parsed, Opinion)
    assert streamed.output_parsed == whole.output_parsed


@pytest.mark.servers
def test_a_real_server_is_told_the_same_and_counts_the_same_as_for_a_chat(live_client: openai.OpenAI) -> None:
    chat = live_client.chat.completions.create(
        model="auto",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello there"}],
        max_tokens=8,
        temperature=0,
        extra_body=ON_AND_ON,
    )
    response = live_client.responses.create(
        model="auto",
        instructions="Be brief.",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Hello there"}]}],
        max_output_tokens=8,
        temperature=0,
        extra_body=ON_AND_ON,
    )
    assert response.output_text == chat.choices[0].message.content
    assert (response.status, response.incomplete_details and response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    assert chat.usage is not None
    assert response.usage is not None
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens == 8


@pytest.mark.servers
def test_how_likely_tokens_were_is_told(live_client: openai.OpenAI) -> None:
    response = live_client.responses.create(
        model="auto",
        input="Hello there",
        max_output_tokens=4,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        extra_body=ON_AND_ON,
    )
    (message,) = response.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert [len(token.top_logprobs) for token in part.logprobs or ()] == [2, 2, 2, 2]


@pytest.mark.servers
def test_a_kept_answer_is_given_again_whole_and_streamed(live_client: openai.OpenAI) -> None:
    def whole() -> tuple[str, ParsedResponse[Opinion]]:
        answer = live_client.responses.with_raw_response.parse(
            model="cached", input="What is kept?", text_format=Opinion, temperature=0
        )
        return answer.headers["x-tiergate-cache"], answer.parse()

    first, said = whole()
    assert first == "miss"
    # An answer is kept a moment after it was given.
    assert ("exact", said) in (whole() for _ in range(50))
    with live_client.responses.stream(
        model="cached", input="What is kept?", text_format=Opinion, temperature=0
    ) as stream:
        assert stream._response.headers["x-tiergate-cache"] == "exact"
        streamed = stream.until_done().get_final_response()
    assert (streamed.id, streamed.output_parsed, streamed.usage) == (said.id, said.output_parsed, said.usage)


@pytest.fixture
def native_gateway(nano_server: ModelServer, tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway before a real server that takes the Responses API itself, and is told to be asked in nothing else."""
    policy = tmp_path / "policy.yaml"
    tiers = two_tiers(nano_server.base_url, nano_server.base_url)
    policy.write_text(tiers.replace("dialect: llamacpp", "dialect: llamacpp, apis: [responses]"))
    with running_gateway(policy, tmp_path) as gateway:
        yield gateway


@pytest.mark.servers
def test_a_real_servers_own_responses_pass_as_they_are(
    native_gateway: RunningGateway, nano_server: ModelServer
) -> None:
    asked = {"model": "nano", "input": "Hello there", "max_output_tokens": 6, "temperature": 0, **ON_AND_ON}

    def lines(base_url: str, model: str) -> list[str]:
        stream = httpx.post(base_url + "/responses", json={**asked, "model": model, "stream": True}).text
        return re.sub(r"(resp|msg)_\w+|\"timings\":\{[^}]*\}|\"cached_tokens\":\d+|\d{9,}", "", stream).splitlines()

    assert lines(native_gateway.base_url, "auto") == lines(nano_server.base_url, "nano")
    with openai.OpenAI(base_url=native_gateway.base_url, api_key="any", max_retries=0) as client:
        response = client.responses.create(
            model="auto", input="Hello there", max_output_tokens=6, temperature=0, extra_body=ON_AND_ON
        )
        chat = client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "Hello there"}], max_tokens=6, temperature=0
        )
    assert response.usage is not None
    assert response.usage.output_tokens == 6
    assert chat.choices[0].message.content == response.output_text
