"""What contradicts itself about the batch lane is told with its place."""

import pytest

from tests.unit.policy.worlds import GOOD, MINIMAL, problems_of, snapshot_of


def in_tier(line: str, tier: str = "small") -> str:
    return GOOD.replace(f"  {tier}:\n    model", f"  {tier}:\n    {line}\n    model")


def in_route(line: str) -> str:
    return GOOD.replace("    quality: 95%\n", f"    quality: 95%\n    {line}\n")


def with_batch_key(name: str) -> str:
    return GOOD.replace("[env:BATCH_KEY]}", f"[env:BATCH_KEY], batch_keys: [env:{name}]}}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (in_tier("lanes: []"), "tiers.small.lanes: expected at least one lane, found none"),
        (in_tier("lanes: [batch, batch]"), "tiers.small.lanes.1: expected each name once"),
        (in_tier("lanes: [night]"), "tiers.small.lanes.0: "),
        (
            in_tier("lanes: [interactive]\n    batch_price: 50%"),
            "tiers.small.batch_price: expected no such key on a tier that takes no batch requests",
        ),
        (
            in_tier("lanes: [interactive]\n    batch_flex: true"),
            "tiers.small.batch_flex: expected no such key on a tier that takes no batch requests",
        ),
        (
            in_tier("batch_flex: true\n    refuses: [service_tier]"),
            "tiers.small.batch_flex: expected `false` where `refuses` names `service_tier`",
        ),
        (in_tier("lanes: [batch]\n    slo: {ttft_p95: 1s}"), "tiers.small.slo: expected no objective"),
        (in_tier("lanes: [batch]\n    slo: {itl_p95: 50ms}"), "tiers.small.slo: expected no objective"),
        (in_tier("batch_price: 120%"), "tiers.small.batch_price: expected a share"),
        (
            in_tier("batch_price: 0%", "large"),
            "tiers.large: expected tiers from the cheapest to the dearest for batch requests, too, found this one",
        ),
        (
            in_tier("lanes: [batch]").replace("    tiers: [large, small]\n", "    tiers: [small]\n"),
            "routes.careful: expected a tier that takes interactive requests, found none",
        ),
        (
            in_tier("lanes: [interactive]").replace(
                "    tiers: [large, small]\n", "    tiers: [small]\n    priority: batch\n"
            ),
            "routes.careful: expected a tier that takes batch requests, found none",
        ),
        (
            in_route("priority: batch\n    hedge: {after: 1s}"),
            "routes.balanced.hedge: expected no such key beside `priority: batch`",
        ),
        (
            with_batch_key("SEARCH_KEY"),
            "tenants.batch.batch_keys.0: expected a key of its own",
        ),
        (
            with_batch_key("NOWHERE"),
            "tenants.batch.batch_keys.0: expected a secret behind",
        ),
    ],
)
def test_a_contradiction_is_told(text: str, told: str) -> None:
    assert told in "\n".join(f"{problem.path}: {problem.message}" for problem in problems_of(text))


def test_what_only_looks_like_one_compiles() -> None:
    for text in (
        in_tier("lanes: [batch]\n    batch_price: 50%"),
        in_route("priority: batch"),
        in_tier("lanes: [interactive]", "embed"),
        MINIMAL.replace("price: free", "price: free, batch_price: 50%"),
    ):
        assert snapshot_of(text).batch.routes
