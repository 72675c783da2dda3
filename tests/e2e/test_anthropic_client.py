"""Anthropic's own client against a gateway process in front of scripted model servers that speak OpenAI's dialect."""

import re
from collections.abc import Iterator
from pathlib import Path

import anthropic
import httpx
import openai
import pytest
from anthropic.types import MessageParam, RawMessageStreamEvent, ToolParam

from gateway.app.demo_models import ModelServer
from tests.support.gateway_process import RunningGateway, running_gateway

HELLO: MessageParam = {"role": "user", "content": "Hello there"}
TOOL: ToolParam = {
    "name": "weather",
    "description": "Tell the weather",
    "input_schema": {"type": "object", "properties": {"town": {"type": "string"}}},
}
TEXT = "Paris is the capital."
IDENTITY = re.compile(r'"id":"[^"]*"|"(?:cache_read_)?input_tokens":[0-9]+')
"""What differs from one answer to the next: ids, and what the server had of the prompt already."""
SAID = re.compile(r'"text_delta","text":"([^"\\\\]*)"')


@pytest.fixture
def client(scripted_gateway: RunningGateway) -> Iterator[anthropic.Anthropic]:
    """A client whose base URL is all that was changed: what ANTHROPIC_BASE_URL does."""
    with anthropic.Anthropic(base_url=scripted_gateway.origin, api_key="any", max_retries=0) as client:
        yield client


def text_of(events: list[RawMessageStreamEvent]) -> str:
    """Join what a stream said."""
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    return "".join(delta.text for delta in deltas if delta.type == "text_delta")


def test_a_message_has_text_usage_and_a_reason(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="ok", max_tokens=64, messages=[HELLO], system="Be brief.")
    (block,) = message.content
    assert block.type == "text"
    assert (block.text, message.stop_reason, message.model) == (TEXT, "end_turn", "ok")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 5)
    assert message._request_id is not None


def test_a_stream_is_read_to_the_same_message(client: anthropic.Anthropic) -> None:
    with client.messages.stream(model="ok", max_tokens=64, messages=[HELLO]) as stream:
        said = list(stream.text_stream)
        message = stream.get_final_message()
    assert (len(said), "".join(said)) == (5, TEXT)
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 11, 5)


@pytest.mark.parametrize("model", ["no-usage", "no-done"])
def test_streams_of_odd_servers_end_as_they_should(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=64, messages=[HELLO]) as stream:
        message = stream.get_final_message()
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 5)


def test_a_tool_is_called_and_its_result_answered(client: anthropic.Anthropic) -> None:
    with client.messages.stream(model="tools", max_tokens=64, messages=[HELLO], tools=[TOOL]) as stream:
        message = stream.get_final_message()
    whole = client.messages.create(model="tools", max_tokens=64, messages=[HELLO], tools=[TOOL])
    assert message.content == whole.content
    (call,) = message.content
    assert call.type == "tool_use"
    assert (call.name, call.input, message.stop_reason) == ("weather", {}, "tool_use")
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}],
    }
    turns: list[MessageParam] = [HELLO, {"role": "assistant", "content": message.content}, result]
    answer = client.messages.create(model="tools", max_tokens=64, messages=turns, tools=[TOOL])
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("model", ["broken+", "reset+", "error-event+", "empty-stream+", "mute+"])
def test_a_server_that_fails_before_its_first_word_is_not_told_of(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=64, messages=[HELLO]) as stream:
        events = list(stream)
        message = stream.get_final_message()
    assert [event.type for event in events].count("message_start") == 1
    assert (message.model, message.stop_reason) == ("ok", "end_turn")


@pytest.mark.parametrize(
    ("model", "kind"),
    [("closes-after-3", "api_error"), ("resets-after-3", "api_error"), ("stalls-after-3", "timeout_error")],
)
def test_an_answer_that_breaks_off_raises_behind_what_came_of_it(
    client: anthropic.Anthropic, model: str, kind: str
) -> None:
    events: list[RawMessageStreamEvent] = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        events.extend(client.messages.create(model=model, max_tokens=64, messages=[HELLO], stream=True))
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"]["type"] == kind
    assert text_of(events) == " w0 w1 w2"
    assert "message_stop" not in [event.type for event in events]


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("nobody", anthropic.NotFoundError),
        ("rejects", anthropic.BadRequestError),
        ("broken", anthropic.InternalServerError),
        ("throttled", anthropic.InternalServerError),
    ],
)
def test_errors_are_the_clients_own(client: anthropic.Anthropic, model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.messages.create(model=model, max_tokens=64, messages=[HELLO])


def test_a_request_of_the_beta_api_with_a_tokens_estimate_before_it(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(model="ok", messages=[HELLO]).input_tokens > 0
    answer = client.beta.messages.create(
        model="ok",
        max_tokens=64,
        messages=[{"role": "user", "content": "Hello there"}],
        betas=["context-management-2025-06-27"],
        thinking={"type": "adaptive"},
    )
    (block,) = answer.content
    assert block.type == "text"
    assert block.text == TEXT


@pytest.mark.servers
def test_what_a_server_of_the_same_api_says_comes_as_it_was_said(nano_server: ModelServer, tmp_path: Path) -> None:
    asked = {"model": "nano", "max_tokens": 8, "temperature": 0, "stream": True, "messages": [HELLO]}
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\n"
        "tiers:\n"
        "  nano:\n"
        "    model: nano\n"
        "    price: free\n"
        "    context: 4k\n"
        f'    endpoints: [{{url: "{nano_server.base_url}", dialect: llamacpp, apis: [messages]}}]\n'
        "models:\n"
        "  nano: {tier: nano}\n"
    )
    with running_gateway(policy, tmp_path) as gateway:
        bare, told = (
            httpx.post(url + "/messages", json=asked).text for url in (nano_server.base_url, gateway.base_url)
        )
        with openai.OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0) as client:
            chat = client.chat.completions.create(
                model="nano", max_tokens=8, temperature=0, messages=[{"role": "user", "content": "Hello there"}]
            )
    assert IDENTITY.sub("", told) == IDENTITY.sub("", bare)
    assert chat.choices[0].message.content == "".join(SAID.findall(bare))
    assert chat.choices[0].finish_reason == "length"


def test_models_are_listed_as_this_client_reads_them(client: anthropic.Anthropic) -> None:
    page = client.models.list()
    assert ("ok", "model", "ok") in [(model.id, model.type, model.display_name) for model in page]
    assert {model.created_at.year for model in page.data} == {2025}
    assert not page.has_next_page()
    assert client.models.retrieve("ok").display_name == "ok"


def test_what_no_chat_server_can_do_is_refused_by_its_place(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match=r"tools\.0"):
        client.messages.create(
            model="ok", max_tokens=64, messages=[HELLO], tools=[{"type": "bash_20250124", "name": "bash"}]
        )
