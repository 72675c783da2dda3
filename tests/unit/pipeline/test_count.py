"""The estimate of a prompt's length, and who may have it."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.pipeline.count import count_tokens
from gateway.wire.dialects import read_request
from tests.support.gateways import GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway
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
