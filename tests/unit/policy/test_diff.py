import pytest

from gateway.domain.tier import Secret
from gateway.policy.compile import compile_policy
from gateway.policy.diff import diff
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.unit.policy.worlds import CATALOGUE, GOOD, MINIMAL, FakePrices, even_dial, snapshot_of

SMALL_B = "http://small-b:8000/v1 (vllm, lean, without a key, its load from http://small-b:8000/metrics)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ttft: 4s", "ttft: 3s", ["tier small: limits.ttft 4 s → 3 s"]),
        ("keep: 500", "keep: 600", ["receipts: keep 500 → 600"]),
        ("window: day", "window: hour", ["tenant search: budget $200.00 a day → $200.00 an hour"]),
        ("  batch: {keys: [env:BATCH_KEY]}\n", "", ["tenant batch: removed"]),
        (
            '      - {url: "http://small-b:8000/v1/", dialect: vllm}\n',
            "",
            [f"tier small: endpoints.1 removed: {SMALL_B}"],
        ),
        ("# yaml", "# another comment; yaml", []),
    ],
)
def test_a_change_is_told_in_words(old: str, new: str, said: list[str]) -> None:
    changed = GOOD.replace(old, new)
    assert changed != GOOD
    assert diff(snapshot_of(GOOD), snapshot_of(changed)) == said


def test_what_is_new_is_told() -> None:
    smaller = GOOD.replace('      - {url: "http://small-b:8000/v1/", dialect: vllm}\n', "").replace(
        "  gpt-4o: {route: careful}\n", ""
    )
    assert diff(snapshot_of(smaller), snapshot_of(GOOD)) == [
        f"tier small: endpoints.1 added: {SMALL_B}",
        "model gpt-4o: added",
    ]


def test_another_order_of_tiers_is_told() -> None:
    free = '{model: m, price: free, context: 8k, ability: {like: gpt-4o}, endpoints: [{url: "http://a"}]}'
    two = MINIMAL.replace("  only:", f"  other: {free}\n  only:")
    turned = MINIMAL.replace("models:", f"  other: {free}\nmodels:")
    assert diff(snapshot_of(two), snapshot_of(turned)) == [
        "route all: tiers other, only → only, other",
        "tiers: order other, only → only, other",
    ]


def _with_secrets(suffix: str) -> PolicySnapshot:
    outcome = compile_policy(
        PolicySource("p", GOOD),
        catalogue=CATALOGUE,
        secrets=lambda reference: Secret(reference + ("" if "BATCH" in reference else suffix)),
        prices=FakePrices(),
        choose_dial=even_dial,
    )
    assert isinstance(outcome, PolicySnapshot)
    return outcome


def test_another_secret_is_told_without_showing_it() -> None:
    assert diff(_with_secrets("-one"), _with_secrets("-two")) == [
        "tier large: api_key of https://api.example.com/v1 changed",
        "tenant search: 1 of its keys changed",
    ]


def test_a_tier_that_is_new_has_no_former_secret() -> None:
    smaller = snapshot_of(MINIMAL)
    assert "tier large: added" in diff(smaller, snapshot_of(GOOD))
