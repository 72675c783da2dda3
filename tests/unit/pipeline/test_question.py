"""How what is asked is put to one server or another."""

import pytest

from gateway.core.cache_rules import tenant_secret
from gateway.core.prefix_chain import cache_salt
from gateway.domain.ids import TenantId
from tests.support.gateways import CHAT, GUEST_KEY, STREAM, TEAM_KEY, TWO_TIERS, Gateway

TENANTS = "tenants:\n  team: {keys: [env:SEARCH_KEY]}\n  guest: {keys: [env:BATCH_KEY]}\n"
VLLM = (TWO_TIERS + TENANTS).replace('a:8000/v1"}', 'a:8000/v1", dialect: vllm, metrics: "off"}')


def salt_for(gateway: Gateway, tenant: str) -> str:
    return cache_salt(tenant_secret(gateway.world.cache_master, TenantId(tenant)))


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_vllm_server_keeps_each_tenants_prompts_under_a_salt_of_its_own(body: dict[str, object]) -> None:
    gateway = Gateway(VLLM)
    salts: list[str] = []
    for key in (TEAM_KEY, GUEST_KEY, TEAM_KEY):
        await gateway.ask({**body, "seed": len(salts)}, key=key)
        salts.append(gateway.network.requests[-1].json["cache_salt"])
    assert salts == [salt_for(gateway, "team"), salt_for(gateway, "guest"), salt_for(gateway, "team")]
    assert salts[0] != salts[1]


@pytest.mark.parametrize(
    "policy", [TWO_TIERS + TENANTS, VLLM.replace("context: 32k", "context: 32k\n    prefix_sharing: pool")]
)
async def test_other_servers_are_sent_none_nor_those_that_share_what_they_computed(policy: str) -> None:
    gateway = Gateway(policy)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert "cache_salt" not in gateway.network.requests[-1].json


async def test_servers_that_share_what_they_computed_are_known_by_everybodys_prompts() -> None:
    shared = (TWO_TIERS + TENANTS).replace("context: 32k", "context: 32k\n    prefix_sharing: pool")
    gateway = Gateway(shared)
    long = {"model": "small", "messages": [{"role": "user", "content": "word " * 1_000}]}
    for key, is_expected in ((TEAM_KEY, False), (GUEST_KEY, True)):
        await gateway.ask({**long, "user": key.decode()}, key=key)
        assert (gateway.receipt.attempts[-1].expected_cached_tokens > 0) is is_expected
