"""Whether a request would be given a kept answer is told by the very steps that would give it."""

import json
from typing import Any

import pytest

from gateway.domain.errors import GatewayError
from gateway.domain.ids import TenantId
from gateway.domain.request import Operation
from gateway.domain.semantic import SemanticEnd
from gateway.pipeline.explain_cache import CacheExplanation, explain_cache, key_of, partition_of
from gateway.wire.cache_json import CacheQuestion
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway
from tests.support.semantic import Semantic
from tests.unit.policy.worlds import snapshot_of

TEAM = TenantId("team")
SHARED = TWO_TIERS + (
    "tenants:\n"
    "  team: {keys: [env:SEARCH_KEY, env:UPSTREAM_KEY], cache: {scope: 'group:both'}}\n"
    "  guest: {keys: [env:BATCH_KEY], cache: {scope: 'group:both'}}\n"
)


async def told(
    gateway: Gateway, body: dict[str, Any], tenant: str = "team", *headers: tuple[bytes, bytes]
) -> CacheExplanation:
    question = CacheQuestion(TenantId(tenant), None, Operation.CHAT, json.dumps(body).encode(), headers)
    return await explain_cache(question, gateway.world)


async def test_a_hit_is_foretold_with_its_age_and_its_name() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    entry = gateway.receipt.cache_entry
    gateway.clock.advance(90.0)
    found = await told(gateway, {**CHAT, "stream": True})
    assert (found.would_hit, found.entry, found.age_s, found.tier) == (True, entry, 90, "small")
    assert (found.tenant, found.key, found.partition, found.route) == ("team", "team/0", "team", "balanced")
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.headers[b"x-tiergate-cache-entry"].decode() == found.entry
    assert len(gateway.network.requests) == 1


async def test_a_miss_is_foretold_with_the_name_that_the_answer_would_have() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    found = await told(gateway, CHAT, "guest")
    assert (found.would_hit, found.age_s) == (False, None)
    assert "none was kept" in found.why
    await gateway.ask(CHAT, key=GUEST_KEY)
    assert gateway.receipt.cache_entry == found.entry


async def test_an_answer_too_old_for_the_request_is_told_apart_from_none() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    gateway.clock.advance(90.0)
    found = await told(gateway, CHAT, "team", (b"cache-control", b"max-age=60"))
    assert (found.would_hit, found.age_s) == (False, 90)
    assert "max-age" in found.why


@pytest.mark.parametrize(
    ("body", "headers", "bar"),
    [
        ({**CHAT, "temperature": 1.5}, (), "temperature"),
        ({**CHAT, "n": 2}, (), "choices"),
        (CHAT, ((b"cache-control", b"no-cache"),), "no_cache"),
        (CHAT, ((b"x-tiergate-cache", b"off"),), "caller"),
    ],
)
async def test_what_keeps_a_request_from_the_cache_is_named(
    body: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...], bar: str
) -> None:
    found = await told(Gateway(KEYED), body, "team", *headers)
    assert (found.would_hit, found.bar, found.entry) == (False, bar, None)


async def test_a_route_without_a_cache_is_named() -> None:
    gateway = Gateway(TWO_TIERS.replace("exact: 1h", "exact: off"))
    found = await told(gateway, CHAT, "open")
    assert found.bar == "off"


@pytest.mark.parametrize(("tenant", "hint"), [("teem", "`team`"), ("x", "`team`, `guest`")])
async def test_a_tenant_that_is_not_there_is_told_with_who_is(tenant: str, hint: str) -> None:
    with pytest.raises(GatewayError, match=hint):
        await told(Gateway(KEYED), CHAT, tenant)


def test_a_key_is_found_by_its_public_name() -> None:
    snapshot = snapshot_of(SHARED)
    assert key_of(snapshot, TEAM, None).id == "team/0"
    assert key_of(snapshot, TEAM, "team/1").id == "team/1"
    with pytest.raises(GatewayError, match="team/1"):
        key_of(snapshot, TEAM, "team/2")


def test_a_partition_is_a_tenant_or_a_group_and_members_are_told_the_groups_name() -> None:
    assert partition_of(snapshot_of(KEYED), TEAM) == TEAM
    assert partition_of(snapshot_of(TWO_TIERS), TenantId("open")) == "open"
    shared = snapshot_of(SHARED)
    assert partition_of(shared, TenantId("group:both")) == "group:both"
    with pytest.raises(GatewayError, match="group:both"):
        partition_of(shared, TEAM)
    with pytest.raises(GatewayError, match="Known"):
        partition_of(shared, TenantId("nobody at all"))


def test_a_tenant_whose_keys_keep_apart_has_one_partition() -> None:
    snapshot = snapshot_of(SHARED.replace("group:both", "key"))
    assert partition_of(snapshot, TEAM) == TEAM


@pytest.mark.parametrize(
    ("probability", "shadow", "end", "why"),
    [
        (0.95, "0.1%", SemanticEnd.HIT, "to the same question in other words"),
        (0.4, "0.1%", SemanticEnd.REFUSED, "is not certain enough"),
        (0.95, "100%", SemanticEnd.SHADOW, "is to be compared"),
    ],
)
async def test_the_answer_to_other_words_is_foretold_and_a_near_miss_explained(
    probability: float, shadow: str, end: SemanticEnd, why: str
) -> None:
    semantic, first, again = Semantic(), "What is the capital of France?", "Which city is the capital of France?"
    semantic.verifier.tell(first, again, probability)
    policy = KEYED.replace("cache: {exact: 1h,", f"cache: {{exact: 1h, semantic: {{shadow: {shadow}}},")
    gateway = Gateway(policy, semantic=semantic.parts, clock=semantic.clock)
    asked = {"model": "auto", "messages": [{"role": "user", "content": again}]}
    assert "nothing like it" in (await told(gateway, asked)).why
    await gateway.ask({**asked, "messages": [{"role": "user", "content": first}]}, key=TEAM_KEY)
    entry = gateway.receipt.cache_entry
    gateway.clock.advance(90.0)
    found = await told(gateway, asked)
    assert found.semantic is not None
    assert (found.semantic.end, found.semantic.entry) == (end, entry)
    assert why in found.why
    assert (found.would_hit, found.entry == entry) == (end is SemanticEnd.HIT, end is SemanticEnd.HIT)
    assert (await told(gateway, asked, "team", (b"x-tiergate-cache", b"exact"))).semantic is None
