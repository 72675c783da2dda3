"""The official client against a gateway process in front of real model servers: what it gets is what they said."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import httpx
import openai
import pytest
from openai.types import CompletionUsage
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionUserMessageParam,
)
from openai.types.decision_create_params import QuestionQuestionParamPredicate
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import BaseModel

from gateway.app.demo_models import ModelServer
from tests.support.gateway_process import RunningGateway
from tests.support.live_policies import GUEST_KEY, POOR_KEY, TEAM_KEY
from tests.support.waiting import eventually

pytestmark = pytest.mark.servers

HELLO: Sequence[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello there"}]
TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}
ON_AND_ON = {"ignore_eos": True}
"""Random weights may end their answer at any token; with this they go on up to `max_tokens`."""
NEVER_ENDING = {"ignore_eos": True, "max_tokens": 3_900}
"""Some seconds of work for the server called small: far longer than a client's leaving takes to be noticed."""


class Opinion(BaseModel):
    """What the model is made to answer: nothing whose length it could choose."""

    colour: Literal["red", "blue"]
    sure: bool


OPINION: ResponseFormatJSONSchema = {
    "type": "json_schema",
    "json_schema": {"name": "opinion", "strict": True, "schema": Opinion.model_json_schema()},
}


@pytest.fixture
def client(live_gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    """A client whose base URL and key are all that was changed."""
    with openai.OpenAI(base_url=live_gateway.base_url, api_key=TEAM_KEY, max_retries=0) as client:
        yield client


@asynccontextmanager
async def async_client(gateway: RunningGateway) -> AsyncIterator[openai.AsyncOpenAI]:
    """The same for the asynchronous client."""
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=TEAM_KEY, max_retries=0) as client:
        yield client


def text_of(chunks: Sequence[ChatCompletionChunk]) -> str:
    """Join what a stream said."""
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def usages_of(chunks: Sequence[ChatCompletionChunk]) -> list[CompletionUsage]:
    """Return the usage of every chunk that has one."""
    return [chunk.usage for chunk in chunks if chunk.usage is not None]


def test_models_are_the_policys_aliases(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["auto", "cached", "small", "large"]
    assert client.models.retrieve("auto") == next(iter(client.models.list()))
    with pytest.raises(openai.NotFoundError, match="'acme/huge' does not exist here"):
        client.models.retrieve("acme/huge")


def test_a_chat_gets_text_usage_and_a_finish_reason(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="auto", messages=HELLO, max_tokens=8, extra_body=ON_AND_ON)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


@pytest.mark.parametrize(("alias", "served"), [("auto", "nano"), ("small", "nano"), ("large", "small")])
def test_an_alias_leads_to_its_tier(client: openai.OpenAI, alias: str, served: str) -> None:
    response = client.chat.completions.with_raw_response.create(model=alias, messages=HELLO, max_tokens=2)
    assert response.parse().model == served
    assert response.headers["x-tiergate-model"] == served
    assert response.headers["x-tiergate-attempts"] == "1"


def test_a_key_that_may_choose_its_tier_gets_it(client: openai.OpenAI) -> None:
    pinned = {"x-tiergate-tier": "large"}
    answer = client.chat.completions.create(model="auto", messages=HELLO, max_tokens=2, extra_headers=pinned)
    assert answer.model == "small"


def test_a_stream_has_no_usage_unless_it_was_asked_for(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="auto", messages=HELLO, max_tokens=8, extra_body=ON_AND_ON, stream=True
    ) as stream:
        chunks = list(stream)
    assert text_of(chunks)
    assert usages_of(chunks) == []
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_stream_ends_with_its_usage_when_that_was_asked_for(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="auto",
        messages=HELLO,
        max_tokens=8,
        extra_body=ON_AND_ON,
        stream=True,
        stream_options={"include_usage": True},
    )
    with stream:
        chunks = list(stream)
    (usage,) = usages_of(chunks)
    assert usage.completion_tokens == 8
    assert chunks[-1].choices == []
    assert chunks[-1].usage == usage


def test_the_clients_own_reader_of_streams_gets_the_whole_answer(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="auto", messages=HELLO, response_format=Opinion, temperature=0) as stream:
        streamed = stream.until_done().get_final_completion()
    plain = client.chat.completions.parse(model="auto", messages=HELLO, response_format=Opinion, temperature=0)
    assert streamed.choices[0].message.parsed == plain.choices[0].message.parsed
    assert streamed.choices[0].finish_reason == plain.choices[0].finish_reason == "stop"


async def test_the_asynchronous_client_completes_and_streams(live_gateway: RunningGateway) -> None:
    async with async_client(live_gateway) as client:
        answer, stream = await asyncio.gather(
            client.chat.completions.create(model="auto", messages=HELLO, max_tokens=8, extra_body=ON_AND_ON),
            client.chat.completions.create(
                model="large", messages=HELLO, max_tokens=8, extra_body=ON_AND_ON, stream=True
            ),
        )
        async with stream:
            chunks = [chunk async for chunk in stream]
    assert answer.usage is not None
    assert text_of(chunks)
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_accepted_where_the_tier_has_them(client: openai.OpenAI, stream: bool) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="auto",
        messages=HELLO,
        tools=[TOOL],
        tool_choice="auto",
        max_tokens=8,
        extra_body=ON_AND_ON,
        stream=stream,
    ) as response:
        body = response.read()
    assert response.status_code == 200
    assert body.endswith(b"data: [DONE]\n\n") if stream else json.loads(body)["choices"]


def test_a_structured_answer_is_what_its_schema_says(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model="auto", messages=HELLO, response_format=Opinion, max_tokens=200)
    assert isinstance(answer.choices[0].message.parsed, Opinion)


def test_several_choices_pass(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="auto", messages=HELLO, n=3, max_tokens=4, extra_body=ON_AND_ON)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    with client.chat.completions.create(
        model="auto", messages=HELLO, n=3, max_tokens=4, extra_body=ON_AND_ON, stream=True
    ) as stream:
        indices = {choice.index for chunk in stream for choice in chunk.choices}
    assert indices == {0, 1, 2}


def test_the_probabilities_of_tokens_pass(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="auto", messages=HELLO, logprobs=True, top_logprobs=2, max_tokens=4, extra_body=ON_AND_ON
    )
    assert answer.choices[0].logprobs is not None
    tokens = answer.choices[0].logprobs.content
    assert tokens is not None
    assert [len(token.top_logprobs) for token in tokens] == [2, 2, 2, 2]


def test_text_completions_complete_and_stream(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="auto", prompt="Once upon a time", max_tokens=8, extra_body=ON_AND_ON)
    assert answer.choices[0].text
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    with client.completions.create(
        model="auto", prompt="Once upon", max_tokens=8, extra_body=ON_AND_ON, stream=True
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "length"


def test_an_exact_repetition_comes_from_the_cache_however_either_is_delivered(client: openai.OpenAI) -> None:
    def streamed() -> tuple[str, Opinion]:
        with client.chat.completions.create(
            model="cached", messages=HELLO, response_format=OPINION, temperature=0, stream=True
        ) as stream:
            return stream.response.headers["x-tiergate-cache"], Opinion.model_validate_json(text_of(list(stream)))

    first, said = streamed()
    assert first == "miss"
    # A stream is kept a moment after its end.
    assert ("exact", said) in (streamed() for _ in range(50))
    plain = client.chat.completions.with_raw_response.create(
        model="cached", messages=HELLO, response_format=OPINION, temperature=0
    )
    assert plain.headers["x-tiergate-cache"] == "exact"
    assert Opinion.model_validate_json(plain.parse().choices[0].message.content or "") == said


def test_a_server_without_embeddings_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="does not support embeddings") as raised:
        client.embeddings.create(model="small", input="hello")
    assert raised.value.status_code == 501
    assert raised.value.code == "upstream_rejected"
    assert raised.value.response.headers["x-should-retry"] == "false"


QUESTION: QuestionQuestionParamPredicate = {
    "type": "predicate",
    "name": "urgent",
    "instructions": "Is it urgent?",
}


def test_where_no_tier_decides_it_is_as_if_there_were_no_such_path(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="name a model whose tier `supports` decisions") as raised:
        client.decisions.create(model="auto", input="Now!", questions=[QUESTION])
    assert raised.value.code == "not_found"


def test_embeddings_are_never_routed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="small, large") as raised:
        client.embeddings.create(model="auto", input="hello")
    assert raised.value.code == "invalid_value"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"temperature": "hot"}, "invalid_value"),
        ({"n": 17}, "limit_exceeded"),
        ({"api_base": "http://elsewhere"}, "forbidden_field"),
        ({"messages": [{"role": "user", "content": "word " * 6_000}]}, "context_length_exceeded"),
        # Shorter in our estimate than in the model's own tokens: here it is the server that refuses.
        ({"messages": [{"role": "user", "content": "ab" * 5_000}], "max_tokens": 4}, "context_length_exceeded"),
        ({"stream": True, "logprobs": True, "tools": [TOOL]}, "upstream_rejected"),
    ],
)
def test_a_bad_request_is_told_as_one(client: openai.OpenAI, body: dict[str, object], code: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="auto", messages=HELLO, extra_body=body)
    assert raised.value.code == code


def test_an_unknown_model_is_told_with_those_that_are_known(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="auto, cached, small, large") as raised:
        client.chat.completions.create(model="gpt-99", messages=HELLO)
    assert raised.value.code == "model_not_found"


def test_unknown_and_missing_keys_are_told_apart(client: openai.OpenAI, live_gateway: RunningGateway) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        client.with_options(api_key="sk-nobody").chat.completions.create(model="auto", messages=HELLO)
    assert raised.value.code == "invalid_api_key"
    bare = httpx.post(live_gateway.base_url + "/chat/completions", json={"model": "auto", "messages": HELLO})
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "missing_api_key")


def test_a_key_that_may_not_choose_its_tier_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as raised:
        client.with_options(api_key=GUEST_KEY).chat.completions.create(
            model="auto", messages=HELLO, extra_headers={"x-tiergate-tier": "large"}
        )
    assert raised.value.code == "permission_denied"


def test_rates_and_budgets_are_told_apart(client: openai.OpenAI) -> None:
    def ask_thrice() -> None:
        # One a minute is allowed, and a minute may turn in between: the third is refused in any case.
        for _ in range(3):
            client.with_options(api_key=GUEST_KEY).chat.completions.create(model="auto", messages=HELLO, max_tokens=1)

    with pytest.raises(openai.RateLimitError) as raised:
        ask_thrice()
    assert raised.value.code == "rate_limit_exceeded"
    assert int(raised.value.response.headers["retry-after"]) <= 60
    with pytest.raises(openai.RateLimitError) as raised:
        client.with_options(api_key=POOR_KEY).chat.completions.create(model="auto", messages=HELLO)
    assert raised.value.code == "insufficient_quota"
    assert raised.value.response.headers["x-should-retry"] == "false"


def test_the_receipt_tells_the_whole_story_to_its_own_tenant_only(client: openai.OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(
        model="auto", messages=HELLO, max_tokens=4, extra_body=ON_AND_ON
    )
    path = f"/receipts/{response.headers['x-tiergate-request-id']}"
    receipt = client.get(path, cast_to=httpx.Response).json()
    assert (receipt["outcome"], receipt["tier"], receipt["alias"]) == ("success_upstream", "small", "auto")
    assert receipt["usage"]["output_tokens"] == 4
    assert receipt["charge_usd"] == response.headers["x-tiergate-cost-usd"]
    with pytest.raises(openai.NotFoundError):
        client.with_options(api_key=GUEST_KEY).get(path, cast_to=httpx.Response)


class Load:
    """How many requests a llama.cpp server works on, as it says itself."""

    def __init__(self, server: ModelServer) -> None:
        self._url = server.base_url.removesuffix("/v1") + "/metrics"

    def __call__(self) -> int:
        """Ask it."""
        lines = httpx.get(self._url).text.splitlines()
        return next(int(float(line.split()[1])) for line in lines if line.startswith("llamacpp:requests_processing "))


async def test_a_client_that_leaves_mid_stream_stops_the_server(
    live_gateway: RunningGateway, small_server: ModelServer
) -> None:
    load = Load(small_server)
    async with async_client(live_gateway) as client:
        stream = await client.chat.completions.create(
            model="large", messages=HELLO, stream=True, extra_body=NEVER_ENDING
        )
        chunks = aiter(stream)
        for _ in range(3):
            await anext(chunks)
        assert load() == 1
        await stream.close()
        await eventually(lambda: load() == 0, within_s=2)
        receipt = await client.get(
            f"/receipts/{stream.response.headers['x-tiergate-request-id']}", cast_to=httpx.Response
        )
    assert receipt.json()["outcome"] == "client_gone_during"
    assert 3 <= receipt.json()["usage"]["output_tokens"] < NEVER_ENDING["max_tokens"]
