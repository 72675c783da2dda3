"""The malformed policies of `test_compile` show each contradiction; here are the cases that are none."""

import pytest

from gateway.domain.ids import TierName
from gateway.domain.money import FREE, Price
from gateway.policy.contradictions import misordered
from tests.unit.policy.worlds import GOOD, MINIMAL, compile_text, problems_of, snapshot_of


def test_tiers_of_one_price_are_in_order() -> None:
    assert not list(misordered({"a": FREE, "b": FREE, "c": Price(1, 1, 1), "d": Price(1, 1, 1)}))


def test_every_tier_cheaper_than_one_before_is_told() -> None:
    dear, cheap = Price(9, 9, 9), Price(1, 1, 1)
    assert [finding.path[1] for finding in misordered({"a": dear, "b": cheap, "c": cheap, "d": dear})] == ["b", "c"]


def test_three_input_tokens_weigh_as_one_output_token() -> None:
    assert not list(misordered({"a": Price(10, 10, 0), "b": Price(0, 0, 30)}))
    assert list(misordered({"a": Price(10, 10, 0), "b": Price(0, 0, 29)}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fallback: {on: []}", "fallback: {on: [], max_attempts: 1}"),
        ("fallback: {on: []}", "fallback: {max_attempts: 1}"),
        ("limits: {ttft: 4s, stall: 30s, in_flight: 64}", "limits: {ttft: 1s}"),
        ("models: [auto, small]", "models: [auto]"),
        ("tiers: [large, small]", "when_uncertified: best_effort\n    quality: 1"),
        ("when_uncertified: strongest", "when_uncertified: best_effort\n    budget: 40%"),
        ("dial: 12.5", "budget: 40%\n    when_unknown: strongest"),
        ("    rate: {rpm: 600, tpm: 400k}\n", "    rate: {}\n"),
        ("    tiers: [small, large]\n    models", "    tiers: [large]\n    models"),
        ("    models: [auto, small]\n", ""),
        ("{keys: [env:BATCH_KEY]}", "{keys: [env:BATCH_KEY], cache: {scope: key}}"),
        (
            "{keys: [env:BATCH_KEY]}",
            "{keys: [env:BATCH_KEY], tiers: [small, large], cache: {scope: 'group:a'}}\n"
            "  third: {keys: [env:UPSTREAM_KEY], tiers: [large, small], cache: {scope: 'group:a'}}",
        ),
        ("  small: {tier: small}\n", "  small: {tier: small}\n  small-too: {tier: small}\n"),
    ],
)
def test_what_only_looks_like_a_contradiction_compiles(old: str, new: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    if "quality: 1" in new:
        text = text.replace("    dial: 12.5\n", "")
    if new.startswith("    tiers: [large]"):
        text = text.replace("models: [auto, small]", "models: [auto, gpt-4o]")
    assert not isinstance(compile_text(text), list)


def test_a_tier_of_the_same_server_under_another_name_is_no_duplicate() -> None:
    again = GOOD.replace("http://embed:8000/v1", "https://api.example.com/v1")
    assert snapshot_of(again).tiers[TierName("embed")].endpoints[0].base_url == "https://api.example.com/v1"


def test_a_mistake_elsewhere_in_the_tiers_does_not_make_a_route_seem_empty() -> None:
    text = MINIMAL.replace("context: 8k", "context: x")
    assert [problem.path for problem in problems_of(text)] == ["tiers.only.context"]


def test_without_any_ability_a_route_over_all_tiers_is_empty() -> None:
    text = MINIMAL.replace("ability: {like: gpt-4o}, ", "").replace("{auto: {route: all}}", "{auto: {tier: only}}")
    assert [problem.path for problem in problems_of(text)] == ["routes.all"]
    assert not isinstance(compile_text(text.replace("routes: {all: {}}\n", "")), list)


def test_a_mistake_in_an_alias_does_not_make_its_tier_seem_unused() -> None:
    text = GOOD.replace("text-embedding: {tier: embed}", "text-embedding: {tier: embed, x: 1}")
    assert [problem.path for problem in problems_of(text)] == ["models.text-embedding.x"]


def test_an_alias_of_an_unknown_route_is_told_once_though_a_tenant_names_it() -> None:
    text = GOOD.replace("auto: {route: balanced}", "auto: {route: nope}")
    assert [problem.path for problem in problems_of(text)] == ["models.auto.route"]
    text = GOOD.replace("auto: {route: balanced}", "auto: {route: balanced, x: 1}")
    assert [problem.path for problem in problems_of(text)] == ["models.auto.x"]
