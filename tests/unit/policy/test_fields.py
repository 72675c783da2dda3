from gateway.policy.fields import description, known_keys, policy_schema


def test_keys_are_known_at_every_depth() -> None:
    assert known_keys(())[:2] == ["version", "tiers"]
    assert known_keys(("tiers", "any")) == [
        "model",
        "price",
        "batch_price",
        "batch_flex",
        "lanes",
        "context",
        "max_output",
        "supports",
        "refuses",
        "prefix_sharing",
        "prompt_cache_key",
        "ability",
        "health",
        "slo",
        "limits",
        "endpoints",
    ]
    assert known_keys(("tiers", "any", "endpoints", 3)) == ["url", "dialect", "apis", "api_key", "metrics", "transport"]
    assert known_keys(("tiers", "any", "price")) == [
        "input",
        "output",
        "cached_input",
        "cache_write",
        "catalog",
        "provider",
    ]
    assert known_keys(("routes", "any", "cache")) == [
        "exact",
        "max_temperature",
        "coalesce",
        "tool_calls",
        "max_answer",
        "hit_price",
        "semantic",
    ]


def test_where_any_name_will_do_no_key_is_known() -> None:
    assert known_keys(("tiers",)) == []
    assert known_keys(("nowhere", "at", 1, "all")) == []
    assert known_keys(("version", "inside")) == []


def test_a_field_has_its_sentence() -> None:
    assert description(("tiers", "any", "context")).startswith("Context window")
    assert description(("tiers", "any", "price", "provider")).startswith("The provider")
    assert description(("nowhere",)) == ""


def test_the_schema_is_made_once() -> None:
    assert policy_schema() is policy_schema()
