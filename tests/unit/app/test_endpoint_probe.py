"""What a single token tells of a server."""

from dataclasses import replace

import httpx
import pytest

from gateway.app.endpoint_probe import ANSWER_BYTES_MAX, probe
from gateway.core.breaker import Failure
from gateway.domain.request import Operation
from gateway.domain.tier import Secret, Tier
from gateway.domain.usage import NO_USAGE, TokenUsage
from gateway.wire.openai_types import OPERATION_TYPES
from tests.support.anthropic_bodies import speaks_messages
from tests.support.behaviours import always, breaks_before, fails, json_reply, speaks, stalls_before
from tests.support.fake_transport import FakeTransport
from tests.support.openai_bodies import error_body
from tests.support.scripts import Behaviour, End, Reply, Send, Unreachable
from tests.support.tiers import a_tier

TIER = a_tier("small")
HASTY = replace(TIER, limits=replace(TIER.limits, ttft_s=0.02))


async def probed(behaviour: Behaviour, tier: Tier = TIER, operation: Operation = Operation.CHAT) -> object:
    return await probe(tier, tier.endpoints[0], operation, FakeTransport(behaviour))


@pytest.mark.parametrize("operation", OPERATION_TYPES)
async def test_it_asks_for_what_the_server_serves_with_its_key(operation: Operation) -> None:
    network = FakeTransport(speaks())
    endpoint = replace(TIER.endpoints[0], api_key=Secret("sk-own"))
    found = await probe(TIER, endpoint, operation, network)
    assert isinstance(found, TokenUsage)
    (seen,) = network.requests
    assert (seen.path, seen.model) == (f"/v1/{operation.value}", TIER.model)
    assert seen.header(b"authorization") == b"Bearer sk-own"
    assert seen.json.get("max_tokens") == (1 if operation.is_written else None)


async def test_a_server_of_another_api_is_asked_in_that() -> None:
    network = FakeTransport(speaks_messages())
    endpoint = replace(TIER.endpoints[0], dialect="anthropic", apis=(Operation.MESSAGES,), api_key=Secret("sk-own"))
    found = await probe(TIER, endpoint, Operation.CHAT, network)
    assert isinstance(found, TokenUsage)
    assert found.input_tokens == 11
    (seen,) = network.requests
    assert (seen.path, seen.header(b"x-api-key")) == ("/v1/messages", b"sk-own")


async def test_what_it_used_is_told() -> None:
    used = await probed(speaks())
    assert isinstance(used, TokenUsage)
    assert used.output_tokens > 0


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (always(Unreachable()), Failure.UNREACHABLE),
        (always(Unreachable(httpx.ConnectTimeout)), Failure.UNREACHABLE),
        (always(Unreachable(httpx.PoolTimeout)), Failure.SERVER),
        (breaks_before(End.RESET), Failure.SERVER),
        (fails(500), Failure.SERVER),
        (fails(503), Failure.SERVER),
        (fails(429), Failure.SERVER),
        (fails(404), Failure.SERVER),
        (fails(401), Failure.CREDENTIALS),
        (fails(403), Failure.CREDENTIALS),
        (always(json_reply(200, b"{}")), Failure.SERVER),
        (always(json_reply(200, error_body("out of memory", "server_error", 500))), Failure.SERVER),
        (always(Reply(200, body=(Send(b" " * (ANSWER_BYTES_MAX + 1)),))), Failure.SERVER),
    ],
)
async def test_what_is_wrong_is_told(behaviour: Behaviour, failure: Failure) -> None:
    assert await probed(behaviour) is failure


async def test_a_server_that_says_nothing_within_its_limit_is_slow() -> None:
    assert await probed(stalls_before(), HASTY) is Failure.SLOW


@pytest.mark.parametrize("status", [400, 422, 501])
async def test_a_server_that_does_not_take_the_question_lives(status: int) -> None:
    assert await probed(fails(status)) == NO_USAGE


async def test_an_answer_without_usage_costs_nothing_that_is_known() -> None:
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"."},"finish_reason":"stop"}]}'
    assert await probed(always(json_reply(200, body))) == NO_USAGE
