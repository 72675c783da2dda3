"""The receipt: one for every request that arrived, however it ended."""

import asyncio

import pytest

from tests.support.gateways import (
    CHAT,
    GUEST_KEY,
    KEYED,
    TEAM_KEY,
    Gateway,
    error_of,
    held_until,
)
from tests.support.waiting import eventually


async def test_the_receipt_tells_the_stages_and_the_wait() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    times = gateway.receipt.times
    assert None not in (times.admit_ms, times.canonicalise_ms, times.lookup_ms, times.score_ms, times.decide_ms)
    assert gateway.receipt.tenant is not None
    found = await gateway.world.receipts.get(gateway.receipt.tenant, gateway.receipt.request_id)
    assert found == gateway.receipt


@pytest.mark.parametrize(
    ("body", "key", "reached"),
    [
        (CHAT, None, []),
        (b"{", TEAM_KEY, ["admit_ms"]),
        ({**CHAT, "model": "gpt-9"}, TEAM_KEY, ["admit_ms"]),
        ({**CHAT, "max_tokens": 10**9}, TEAM_KEY, ["admit_ms", "canonicalise_ms", "lookup_ms", "score_ms"]),
    ],
)
async def test_a_refused_request_leaves_a_receipt_of_how_far_it_came(
    body: dict[str, object] | bytes, key: bytes | None, reached: list[str]
) -> None:
    gateway = Gateway(KEYED)
    client = await gateway.ask(body, key=key)
    receipt, times = gateway.receipt, gateway.receipt.times
    stages = ("admit_ms", "canonicalise_ms", "lookup_ms", "score_ms", "decide_ms")
    assert [name for name in stages if getattr(times, name) is not None] == reached
    assert receipt.status == client.responder.status
    assert receipt.error == error_of(client)["code"]
    assert receipt.tenant == (None if key is None else "team")
    assert receipt.attempts == ()
    assert receipt.charge_usd_nano == 0


async def test_the_receipt_of_a_hit_names_the_tier_whose_answer_it_was() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    await gateway.ask(CHAT)
    assert (gateway.receipt.tier, gateway.receipt.served_model) == ("small", "answer")
    assert gateway.receipt.cache == "exact"
    assert gateway.receipt.decision is None


async def test_time_spent_on_others_is_told_apart() -> None:
    gateway, released = Gateway(), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    serving = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    gateway.clock.advance(2.5)
    released.set()
    await serving
    assert gateway.receipt.external_ms == pytest.approx(2500)
    assert gateway.receipt.times.end_ms == pytest.approx(2500)
    assert gateway.receipt.attempts[0].ended_ms == pytest.approx(2500)


async def test_a_prompt_is_handed_on_where_its_tenants_policy_says_so_and_until_the_day_that_it_names() -> None:
    # The clock begins on 14 November 2023, late in the evening.
    gateway = Gateway(KEYED.replace("allow: {pin_tier: true}", "allow: {pin_tier: true}, trace_text_until: 2023-11-15"))
    await gateway.ask(CHAT, key=GUEST_KEY)
    await gateway.ask(b"{", key=TEAM_KEY)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert gateway.traced == [(gateway.receipt.request_id, "What is the capital of France?")]
    gateway.clock.jump(7_200.0)
    await gateway.ask({**CHAT, "seed": 1}, key=TEAM_KEY)
    assert len(gateway.traced) == 1
