from decimal import Decimal
from hashlib import sha256

import pytest

from gateway.domain.cache_terms import CacheTerms
from gateway.domain.dial import WhenUnknown
from gateway.domain.identity import Sharing
from gateway.domain.ids import EndpointId, RouteName, TenantId, TierName
from gateway.domain.ledger import Allowance
from gateway.domain.money import FREE, Price
from gateway.domain.outcome import FailureKind
from gateway.domain.request import Need, Operation
from gateway.domain.semantic import SemanticTerms
from gateway.domain.tier import NO_SLO, Endpoint, Secret, Tier, TierLimits, TierSlo
from gateway.policy.build import price_of
from gateway.policy.references import Resolved
from gateway.policy.schema_tenants import TenantSpec
from gateway.policy.schema_tiers import TierSpec
from gateway.policy.snapshot import Route
from gateway.policy.tenants import build_tenant, sharing_of
from tests.unit.policy.worlds import CATALOGUE, GOOD, MINIMAL, PRICES, snapshot_of


def tier(name: str, text: str = GOOD) -> Tier:
    return snapshot_of(text).tiers[TierName(name)]


def route(name: str, text: str = GOOD) -> Route:
    return snapshot_of(text).routes[RouteName(name)]


def test_a_tier_has_what_its_policy_says() -> None:
    small = tier("small")
    assert small.price == Price(50_000, 10_000, 200_000)
    assert (small.context_tokens, small.max_output_tokens, small.expected_output_tokens) == (32_000, 2_000, 300)
    assert small.supports == Need.TOOLS | Need.JSON_SCHEMA
    assert small.ability == CATALOGUE.references["llama-3.1-8b-instruct"]
    assert small.limits == TierLimits(4.0, 0.00025, 30.0, 1.0, 64, 120.0)
    assert small.endpoints == (
        Endpoint(EndpointId("small/0"), "http://small-a:8000/v1", "vllm", None, "lean", "http://small-a:8000/metrics"),
        Endpoint(EndpointId("small/1"), "http://small-b:8000/v1", "vllm", None, "lean", "http://small-b:8000/metrics"),
    )


def test_a_tenant_may_have_a_share_of_the_strongest_tier_and_has_all_of_it_by_default() -> None:
    (capped,) = (
        key.tenant
        for key in snapshot_of(
            GOOD.replace("{keys: [env:BATCH_KEY]}", "{keys: [env:BATCH_KEY], strongest_share: 40%}")
        ).keys.values()
        if key.tenant.id == "batch"
    )
    assert capped.strongest_share == 0.4
    assert all(key.tenant.strongest_share is None for key in snapshot_of(GOOD).keys.values())


def test_a_key_for_the_prompts_beginning_is_sent_where_the_policy_says_so() -> None:
    text = GOOD.replace("    limits: {ttft: 4s,", "    prompt_cache_key: true\n    limits: {ttft: 4s,")
    assert (tier("small", text).takes_cache_key, tier("small").takes_cache_key) == (True, False)


def test_what_was_computed_for_one_tenant_is_for_itself_unless_the_policy_says_otherwise() -> None:
    text = GOOD.replace("    limits: {ttft: 4s,", "    prefix_sharing: pool\n    limits: {ttft: 4s,")
    assert (tier("small", text).shares_prefixes, tier("small").shares_prefixes) == (True, False)


@pytest.mark.parametrize(
    ("written", "apis", "takes_key_header"),
    [
        ("", (Operation.CHAT,), False),
        (", dialect: anthropic", (Operation.MESSAGES,), True),
        (", apis: [chat, messages]", (Operation.CHAT, Operation.MESSAGES), False),
        (", apis: [responses]", (Operation.RESPONSES,), False),
    ],
)
def test_a_server_takes_chats_in_the_apis_of_its_dialect_or_in_those_it_is_said_to(
    written: str, apis: tuple[Operation, ...], takes_key_header: bool
) -> None:
    text = GOOD.replace('{url: "http://small-a:8000/v1", dialect: vllm}', f'{{url: "http://small-a:8000/v1"{written}}}')
    endpoint = tier("small", text).endpoints[0]
    assert (endpoint.apis, endpoint.takes_key_header) == (apis, takes_key_header)


def test_a_tier_can_do_what_an_api_has_alone_if_all_its_servers_take_it() -> None:
    first, every = (GOOD.replace("dialect: vllm", "dialect: vllm, apis: [chat, responses]", count) for count in (1, 9))
    assert Need.RESPONSES not in tier("small", first).supports
    assert Need.RESPONSES in tier("small", every).supports


def test_what_servers_refuse_is_as_written_and_nothing_by_default() -> None:
    text = GOOD.replace("    limits: {ttft: 4s,", "    refuses: [reasoning_effort, seed]\n    limits: {ttft: 4s,")
    assert (tier("small", text).refuses, tier("small").refuses) == (("reasoning_effort", "seed"), ())


def test_an_objective_is_the_tiers_own_and_none_is_made_up() -> None:
    text = GOOD.replace("    limits: {ttft: 4s,", "    slo: {ttft_p95: 600ms, itl_p95: 60ms}\n    limits: {ttft: 4s,")
    assert tier("small", text).slo == TierSlo(ttft_p95_s=0.6, itl_p95_s=0.06)
    assert tier("small").slo == NO_SLO


def test_idle_servers_are_probed_where_a_tier_says_so() -> None:
    text = GOOD.replace("    limits: {ttft: 4s,", "    health: {probe: 45s}\n    limits: {ttft: 4s,")
    assert (tier("small", text).idle_probe_s, tier("small").idle_probe_s) == (45.0, None)


def test_a_hosted_tier_has_its_key_and_its_catalogue_price() -> None:
    large = tier("large")
    assert large.price == PRICES["gpt-4o"]
    assert large.endpoints[0].api_key == Secret("sk-upstream")
    assert large.endpoints[0].transport == "httpx"


def test_an_answer_is_as_long_as_known_and_no_longer_than_allowed() -> None:
    assert tier("large").expected_output_tokens == 256
    assert tier("small", GOOD.replace("max_output: 2k", "max_output: 100")).expected_output_tokens == 100
    assert tier("only", MINIMAL.replace("context: 8k", "context: 1k")).max_output_tokens == 1_000
    assert tier("only", MINIMAL).max_output_tokens == 4_096


def test_a_tier_without_an_ability_is_taken_for_a_coin() -> None:
    ability = tier("embed").ability
    assert (ability.reference, ability.prior, ability.loadings) == ("", 0.5, (0.0, 0.0))


def test_every_form_of_a_price_is_understood() -> None:
    def spec(price: object) -> TierSpec:
        return TierSpec.model_validate({"model": "gpt-4o", "context": 1000, "endpoints": (), "price": price})

    resolved = Resolved(prices={("gpt-4o", None): PRICES["gpt-4o"]})
    assert price_of(spec({"input": 1, "output": 2}), resolved) == Price(10**6, 10**6, 2 * 10**6)
    assert price_of(spec({"input": 1, "output": 2, "cached_input": 0}), resolved) == Price(10**6, 0, 2 * 10**6)
    assert price_of(spec({"input": 1, "output": 2, "cache_write": Decimal("1.25")}), resolved) == Price(
        10**6, 10**6, 2 * 10**6, 1_250_000
    )
    assert price_of(spec("free"), resolved) == FREE
    assert price_of(spec("catalog"), resolved) == PRICES["gpt-4o"]
    assert price_of(spec({"catalog": "gpt-4o"}), resolved) == PRICES["gpt-4o"]
    assert price_of(spec({"catalog": "gpt-4o", "provider": "x"}), resolved) is None


def test_a_route_has_what_its_policy_says() -> None:
    balanced = route("balanced")
    assert balanced.tiers == ("small", "large")
    assert balanced.quality == 0.95
    assert balanced.dial.strongest_only
    assert balanced.fallback.max_attempts == 2
    assert balanced.fallback.on == {
        FailureKind.TTFT,
        FailureKind.NO_RESPONSE,
        FailureKind.SERVER_ERROR,
        FailureKind.BAD_ANSWER,
    }
    assert (balanced.deadline_s, balanced.stream_deadline_s) == (120.0, 600.0)
    assert balanced.cache == CacheTerms(ttl_s=3_600.0, max_temperature=1.0)


def test_a_route_lists_its_tiers_by_rank_and_an_empty_fallback_is_one_attempt() -> None:
    careful = route("careful")
    assert careful.tiers == ("small", "large")
    assert (careful.quality, careful.dial.value) == (None, 12.5)
    assert (careful.fallback.on, careful.fallback.max_attempts) == (frozenset(), 1)
    assert careful.cache.ttl_s is None
    assert careful.semantic is None


def test_a_route_has_the_terms_of_its_semantic_hits() -> None:
    terms = route("balanced", GOOD.replace("exact: 1h", "exact: 1h, semantic: {max_wrong: 2%, ttl: 10m}")).semantic
    assert terms == SemanticTerms(max_wrong=0.02, ttl_s=600.0, shadow=0.02)


@pytest.mark.parametrize(
    ("said", "quality", "unknown"),
    [
        ("{}", 0.95, WhenUnknown.STRONGEST),
        ("{quality: 90%, budget: 40%}", 0.9, WhenUnknown.STRONGEST),
        ("{quality: 90%, when_unknown: prior}", 0.9, WhenUnknown.PRIOR),
        ("{budget: 40%}", None, WhenUnknown.PRIOR),
        ("{dial: 3}", None, WhenUnknown.PRIOR),
        ("{dial: 3, when_unknown: strongest}", None, WhenUnknown.STRONGEST),
    ],
)
def test_only_a_promise_of_quality_sends_what_is_unknown_up(
    said: str, quality: float | None, unknown: WhenUnknown
) -> None:
    built = route("all", MINIMAL.replace("{all: {}}", f"{{all: {said}}}"))
    assert (built.quality, built.when_unknown) == (quality, unknown)


def test_a_route_that_says_nothing_asks_for_the_default_quality() -> None:
    assert route("all", MINIMAL).quality == 0.95


def test_an_alias_of_a_tier_has_a_route_of_its_own() -> None:
    pinned = route("tier:small")
    assert pinned.tiers == ("small",)
    assert pinned.dial.shares == (1.0,)
    assert pinned.fallback.max_attempts == 3


def test_another_model_behind_a_route_makes_other_cache_keys() -> None:
    before = route("balanced").cache_epoch
    assert len(before) == 16
    assert route("balanced", GOOD.replace("quality: 95%", "quality: 90%")).cache_epoch == before
    assert route("balanced", GOOD.replace("qwen3-4b-instruct", "qwen3-8b")).cache_epoch != before


def test_a_tenant_has_what_its_policy_says() -> None:
    tenant = build_tenant(
        "t",
        TenantSpec.model_validate(
            {
                "keys": ("env:A",),
                "budget": {"usd": 5, "window": "month"},
                "rate": {"rpm": 60},
                "tiers": ("a",),
                "models": ("b",),
                "allow": {"debug": True},
            }
        ),
    )
    assert tenant.allowance == Allowance(5 * 10**9, 2_592_000, 60, None)
    assert (tenant.tiers, tenant.aliases) == (frozenset({"a"}), frozenset({"b"}))
    assert (tenant.may_pin, tenant.may_debug) == (False, True)


def test_a_tenant_that_says_nothing_is_unlimited() -> None:
    tenant = build_tenant("t", TenantSpec.model_validate({"keys": ()}))
    assert tenant.allowance.is_unlimited
    assert (tenant.tiers, tenant.aliases) == (None, None)


@pytest.mark.parametrize(
    ("scope", "sharing"),
    [
        ("tenant", None),
        ("key", Sharing(TenantId("a"), TenantId("a\0" + sha256(sha256(b"sk").digest()).hexdigest()))),
        ("group:both", Sharing(TenantId("group:both"), TenantId("group:both"))),
    ],
)
def test_a_key_shares_kept_answers_as_its_tenant_says(scope: str, sharing: Sharing | None) -> None:
    spec = TenantSpec.model_validate({"keys": ("env:A",), "cache": {"scope": scope}})
    assert sharing_of("a", spec, sha256(b"sk").digest()) == sharing
    assert build_tenant("a", spec).cache_scope == scope


def test_a_servers_page_of_metrics_may_be_named_or_left_alone() -> None:
    for written, found in (("http://metrics:9/m", "http://metrics:9/m"), ("off", None)):
        text = GOOD.replace('8000/v1", dialect: vllm}', f'8000/v1", dialect: vllm, metrics: "{written}"}}', 1)
        assert text != GOOD
        assert tier("small", text).endpoints[0].metrics_url == found
