"""A prompt's length: who counts it, who may have it, and the estimate where nobody counts."""

import json
from typing import Any

import httpx
import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.pipeline.count import count_tokens
from gateway.wire.dialects import read_request
from tests.support.behaviours import always, json_reply
from tests.support.gateways import GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway
from tests.support.scripts import Script, Unreachable
from tests.unit.pipeline.test_interpreting import MESSAGE

PROMPT: dict[str, Any] = {name: value for name, value in MESSAGE.items() if name != "max_tokens"}


async def counted(gateway: Gateway, body: Any = PROMPT, key: bytes | None = None) -> int:
    return await count_tokens(gateway.client(body, key=key).inbound, gateway.world)


async def refusal(gateway: Gateway, body: Any = PROMPT, key: bytes | None = None) -> ErrorCode:
    with pytest.raises(GatewayError) as raised:
        await counted(gateway, body, key)
    assert gateway.world.admission.in_flight == 0
    return raised.value.code


async def test_it_is_what_routing_goes_by_and_asks_nobody() -> None:
    gateway = Gateway()
    await gateway.ask(MESSAGE, operation=Operation.MESSAGES)
    asked = len(gateway.network.requests)
    tokens = await counted(gateway)
    assert tokens == read_request(Operation.MESSAGES, json.dumps(MESSAGE).encode(), EdgeLimits()).input_tokens
    assert len(gateway.network.requests) == asked
    assert await counted(gateway, {**PROMPT, "system": "Be brief. " * 40}) > tokens + 100


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        (PROMPT, None, ErrorCode.MISSING_API_KEY),
        (PROMPT, b"sk-nobody", ErrorCode.INVALID_API_KEY),
        ({**PROMPT, "model": "large"}, GUEST_KEY, ErrorCode.MODEL_NOT_FOUND),
        (b"{", TEAM_KEY, ErrorCode.MALFORMED_BODY),
    ],
)
async def test_whoever_may_not_ask_may_not_count(body: Any, key: bytes | None, code: ErrorCode) -> None:
    assert await refusal(Gateway(KEYED), body, key) is code


async def test_where_there_is_no_room_nobody_waits() -> None:
    gateway = Gateway(TWO_TIERS + "limits: {in_flight: 1}\n")
    admission, limits = gateway.world.admission, gateway.policy.snapshot.limits
    open_key = gateway.policy.snapshot.open_key
    assert open_key is not None
    held = admission.enter(open_key.id, open_key.tenant.id, open_key.tenant.share, limits)
    with pytest.raises(GatewayError) as raised:
        await counted(gateway)
    assert raised.value.code is ErrorCode.OVERLOADED
    admission.leave(held, limits)
    assert await counted(gateway) > 0


HOSTED = TWO_TIERS.replace(
    '[{url: "http://large:8000/v1"}]',
    '[{url: "http://claude:8000/v1", dialect: anthropic, api_key: "env:UPSTREAM_KEY"}]',
)
TO_LARGE = {**PROMPT, "model": "large"}


def counting(script: Script) -> Gateway:
    """Make a gateway whose large tier counts so."""
    gateway = Gateway(HOSTED)
    gateway.network.plan.general = always(script)
    return gateway


async def test_where_one_tier_alone_may_answer_its_server_counts() -> None:
    gateway = counting(json_reply(200, b'{"input_tokens": 2095}'))
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": ""}]}
    body = {**TO_LARGE, "messages": [*PROMPT["messages"], thought, {"role": "user", "content": "And then?"}]}
    client = gateway.client(body, headers=((b"anthropic-beta", b"context-1m"),))
    assert await count_tokens(client.inbound, gateway.world) == 2_095
    (asked,) = gateway.network.requests
    assert asked.path == "/v1/messages/count_tokens"
    assert (asked.header(b"x-api-key"), asked.header(b"anthropic-beta")) == (b"sk-upstream", b"context-1m")
    assert (asked.json["model"], len(asked.json["messages"])) == ("answer-large", len(body["messages"]) - 1)
    assert gateway.world.admission.in_flight == 0


async def test_a_server_of_both_apis_counts_what_it_is_sent_as_it_came() -> None:
    gateway = Gateway(TWO_TIERS.replace('"http://large:8000/v1"', '"http://large:8000/v1", apis: [chat, messages]'))
    gateway.network.plan.general = always(json_reply(200, b'{"input_tokens": 7}'))
    assert await counted(gateway, TO_LARGE) == 7
    assert gateway.network.requests[0].json == {**TO_LARGE, "model": "answer-large"}


@pytest.mark.parametrize(
    "script",
    [
        json_reply(500, b"{}"),
        json_reply(404, b'{"error": {}}'),
        json_reply(200, b"<html>"),
        json_reply(200, b'{"input_tokens": 7, "x": "' + b"x" * 5_000 + b'"}'),
        Unreachable(httpx.ConnectError),
    ],
)
async def test_what_no_server_says_is_estimated(script: Script) -> None:
    gateway = counting(script)
    assert await counted(gateway, TO_LARGE) == await counted(Gateway(), TO_LARGE)
    assert len(gateway.network.requests) == 1


async def test_where_several_tiers_may_answer_or_none_of_its_servers_counts_nobody_is_asked() -> None:
    gateway = counting(json_reply(200, b'{"input_tokens": 7}'))
    for model in ("auto", "small"):
        assert await counted(gateway, {**PROMPT, "model": model}) > 7
    assert gateway.network.requests == []


async def test_a_tier_that_is_down_is_not_asked() -> None:
    gateway = Gateway(HOSTED.replace("routes:", "limits: {in_flight: 100}\nroutes:"))
    gateway.network.plan.general = always(json_reply(503, b"{}", ((b"retry-after", b"30"),)))
    await gateway.ask({**MESSAGE, "model": "large"}, operation=Operation.MESSAGES)
    asked = len(gateway.network.requests)
    assert await counted(gateway, TO_LARGE) > 0
    assert len(gateway.network.requests) == asked
