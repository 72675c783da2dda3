"""When the cache is asked, for whom, and what the client may say about it."""

import pytest

from gateway.domain.identity import Sharing
from gateway.domain.ids import KeyId, TenantId
from gateway.domain.ledger import Allowance
from gateway.domain.outcome import Outcome
from gateway.pipeline.lookup import cache_scope
from gateway.policy.snapshot import Tenant, VirtualKey
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway, answer_of


async def test_a_client_may_refuse_kept_answers() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"no-cache"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"bypass"
    assert len(gateway.network.requests) == 2
    gateway.clock.advance(60)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"max-age=30"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"miss"


async def test_tenants_never_share_an_answer() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    client = await gateway.ask(CHAT, key=GUEST_KEY)
    assert client.responder.headers[b"x-tiergate-cache"] == b"miss"
    assert len(gateway.network.requests) == 2


async def test_a_route_without_a_cache_says_so_and_asks_every_time() -> None:
    gateway = Gateway(TWO_TIERS.replace("cache: {exact: 1h, max_temperature: 1}", "cache: {exact: off}"))
    await gateway.ask(CHAT)
    client = await gateway.ask(CHAT)
    assert client.responder.headers[b"x-tiergate-cache"] == b"off"
    assert len(gateway.network.requests) == 2


async def test_refusing_kept_answers_where_none_are_kept_changes_nothing() -> None:
    gateway = Gateway(TWO_TIERS.replace("cache: {exact: 1h, max_temperature: 1}", "cache: {exact: off}"))
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"no-cache"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"off"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert gateway.faults == []


async def test_a_request_that_wants_variety_is_not_answered_from_the_cache() -> None:
    gateway = Gateway()
    await gateway.ask({**CHAT, "temperature": 1.2})
    client = await gateway.ask({**CHAT, "temperature": 1.2})
    assert client.responder.headers[b"x-tiergate-cache"] == b"off"
    assert len(gateway.network.requests) == 2


async def test_the_answer_of_one_tier_is_not_given_to_who_asks_another() -> None:
    gateway = Gateway()
    for model in ("auto", "small", "large"):
        client = await gateway.ask({**CHAT, "model": model, "temperature": 0})
        assert client.responder.headers[b"x-tiergate-cache"] == b"miss"


async def test_a_client_may_want_nothing_to_do_with_the_cache() -> None:
    gateway = Gateway()
    for _ in range(2):
        client = await gateway.ask(CHAT, headers=((b"x-tiergate-cache", b"off"),))
        assert client.responder.headers[b"x-tiergate-cache"] == b"bypass"
    assert (await gateway.ask(CHAT)).responder.headers[b"x-tiergate-cache"] == b"miss"
    assert len(gateway.network.requests) == 3


async def test_a_client_may_take_answers_to_the_very_same_request_only() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    client = await gateway.ask(CHAT, headers=((b"x-tiergate-cache", b"exact"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"exact"


async def test_a_wish_that_means_nothing_is_told_and_nothing_is_asked() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT, headers=((b"x-tiergate-cache", b"maybe"),))
    assert client.responder.status == 400
    assert answer_of(client)["error"]["param"] == "x-tiergate-cache"
    assert gateway.network.requests == []


@pytest.mark.parametrize(
    ("policy", "more", "why"),
    [
        (TWO_TIERS, b"", "there is none"),
        (TWO_TIERS, b", no-cache", "wants no kept answer"),
        (TWO_TIERS.replace("exact: 1h", "exact: off"), b"", "no answers are kept"),
    ],
)
async def test_who_takes_a_kept_answer_only_is_told_why_there_is_none(policy: str, more: bytes, why: str) -> None:
    gateway = Gateway(policy)
    if more:
        await gateway.ask(CHAT)
    asked = len(gateway.network.requests)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"only-if-cached" + more),))
    assert client.responder.status == 504
    error = answer_of(client)["error"]
    assert error["code"] == "not_cached"
    assert why in error["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert len(gateway.network.requests) == asked


async def test_who_takes_a_kept_answer_only_is_given_one_that_is_there() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"only-if-cached"),))
    assert (client.responder.status, client.responder.headers[b"x-tiergate-cache"]) == (200, b"exact")


def scoped(scope: str) -> str:
    """Return a policy with two tenants, one of two keys, whose kept answers are shared so."""
    return TWO_TIERS + (
        "tenants:\n"
        f"  team: {{keys: [env:SEARCH_KEY, env:UPSTREAM_KEY], cache: {{scope: '{scope}'}}}}\n"
        f"  guest: {{keys: [env:BATCH_KEY], cache: {{scope: '{scope}'}}}}\n"
    )


@pytest.mark.parametrize(
    ("scope", "of_the_tenant", "of_the_group"),
    [("tenant", b"exact", b"miss"), ("key", b"miss", b"miss"), ("group:both", b"exact", b"exact")],
)
async def test_kept_answers_are_shared_as_far_as_the_policy_says(
    scope: str, of_the_tenant: bytes, of_the_group: bytes
) -> None:
    gateway = Gateway(scoped(scope))
    await gateway.ask(CHAT, key=TEAM_KEY)
    told = [
        (await gateway.ask(CHAT, key=key)).responder.headers[b"x-tiergate-cache"]
        for key in (TEAM_KEY, b"sk-upstream", GUEST_KEY)
    ]
    assert told == [b"exact", of_the_tenant, of_the_group]


def test_scopes_never_share_a_secret_or_a_partition_by_accident() -> None:
    tenants = [Tenant(TenantId(name), Allowance(), None, None, may_pin=False, may_debug=False) for name in ("a", "b")]
    keys = [VirtualKey(KeyId("k"), tenant) for tenant in tenants]
    keys.append(VirtualKey(KeyId("k"), tenants[0], Sharing(TenantId("a"), TenantId("a\0key"))))
    keys.append(VirtualKey(KeyId("k"), tenants[0], Sharing(TenantId("group:a"), TenantId("group:a"))))
    scopes = [cache_scope(key, b"master") for key in keys]
    assert len({scope.secret for scope in scopes}) == len(scopes)
    assert [scope.tenant for scope in scopes] == ["a", "b", "a", "group:a"]
