from gateway.policy.facts import facts_of, tenants_of
from gateway.policy.schema import LimitsSpec
from gateway.policy.schema_batch import BatchSpec
from gateway.policy.schema_classifier import ClassifierSpec
from gateway.policy.schema_routes import CacheSpec, ConversationSpec, FallbackSpec, RouteSpec
from gateway.policy.schema_tiers import SloSpec, TierLimitsSpec, TierSpec
from gateway.policy.section import Section
from tests.unit.policy.worlds import GOOD, MINIMAL, snapshot_of


def test_every_subject_of_a_policy_has_its_facts() -> None:
    assert list(facts_of(snapshot_of(GOOD))) == [
        "tier small",
        "tier large",
        "tier embed",
        "route balanced",
        "route careful",
        "route tier:small",
        "route tier:embed",
        "model auto",
        "model gpt-4o",
        "model small",
        "model text-embedding",
        "tenant search",
        "tenant batch",
        "limits",
        "batch",
        "classifier",
        "receipts",
        "feedback",
    ]


def test_facts_have_the_names_of_the_format() -> None:
    facts = facts_of(snapshot_of(GOOD))
    tier = set(TierSpec.model_fields) - {"limits", "health", "slo", "endpoints"} | {"health.probe"}
    tier |= {f"limits.{key}" for key in TierLimitsSpec.model_fields} | {f"slo.{key}" for key in SloSpec.model_fields}
    assert {key for key in facts["tier small"] if not key.startswith("endpoints.")} == tier
    parts: dict[str, type[Section]] = {"fallback": FallbackSpec, "conversation": ConversationSpec, "cache": CacheSpec}
    route = set(RouteSpec.model_fields) - set(parts)
    route |= {f"{part}.{key}" for part, section in parts.items() for key in section.model_fields}
    assert set(facts["route balanced"]) == route
    assert set(facts["limits"]) == set(LimitsSpec.model_fields)
    assert list(facts["batch"]) == list(BatchSpec.model_fields)
    assert list(facts["classifier"]) == list(ClassifierSpec.model_fields)


def test_no_secret_is_among_the_facts() -> None:
    assert "sk-" not in str(facts_of(snapshot_of(GOOD)))


def test_in_open_mode_everybody_is_one_tenant_without_keys() -> None:
    (tenant, keys), *others = tenants_of(snapshot_of(MINIMAL))
    assert (tenant.id, keys, others) == ("open", "0", [])


def test_keys_are_counted() -> None:
    text = GOOD.replace("keys: [env:BATCH_KEY]", "keys: [env:BATCH_KEY, env:UPSTREAM_KEY]")
    assert [keys for _, keys in tenants_of(snapshot_of(text))] == ["1", "2"]
    text = text.replace("BATCH_KEY, env:UPSTREAM_KEY]", "BATCH_KEY], batch_keys: [env:UPSTREAM_KEY]")
    assert [keys for _, keys in tenants_of(snapshot_of(text))] == ["1", "2, 1 of them for batch requests"]


TWO_SERVERS = MINIMAL.replace('/v1"}]', '/v1"}, {url: "http://localhost:8001/v1"}]')


def test_a_hedge_is_told_with_its_terms() -> None:
    for after, told in (("auto", "all but 2 % of the tier's streams"), ("800ms", "800 ms")):
        policy = TWO_SERVERS.replace("all: {}", f"all: {{hedge: {{after: {after}, budget: 2%, max_prompt: 2k}}}}")
        found = facts_of(snapshot_of(policy))["route all"]["hedge"]
        assert found == f"after {told}, 2 % of requests, prompts up to 2,000 tokens"


def test_semantic_hits_are_told_with_their_terms() -> None:
    semantic = "{exact: 1h, semantic: {max_wrong: 4%, ttl: 30m, shadow: 10%"
    for tools, told in (("", ""), (", tools: true", ", tools too")):
        found = facts_of(snapshot_of(MINIMAL.replace("all: {}", f"all: {{cache: {semantic}{tools}}}}}}}")))
        assert found["route all"]["cache.semantic"] == f"at most 4 % wrong, for 30 min, 10 % compared{told}"
