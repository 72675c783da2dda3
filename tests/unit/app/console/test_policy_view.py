"""The policy in force on the page."""

from gateway.app.console.policy_view import policy_view
from gateway.policy.source import PolicySource
from tests.support.consoles import Console
from tests.support.gateways import KEYED


def test_the_first_policy_has_none_to_compare_with() -> None:
    told = policy_view(Console().policy)
    assert "there is none before it" in told
    assert "<details><summary>tier small</summary>" in told
    assert "<details open><summary>route balanced</summary>" in told
    assert "<details><summary>route tier:small</summary>" in told
    assert "0 edits taken, 0 refused" in told


def test_a_good_edit_is_told_by_what_it_changed() -> None:
    policy = Console().policy
    before = policy.snapshot.id
    assert policy.offer(PolicySource("policies/p.yaml", KEYED.replace("context: 128k", "context: 64k")))
    told = policy_view(policy)
    assert f"What changed since <code>{before}</code>" in told
    assert "<li><b>tier large</b>: context 128,000 tokens → 64,000 tokens</li>" in told
    assert "1 edit taken" in told


def test_an_edit_that_changes_nothing_says_so() -> None:
    policy = Console().policy
    assert policy.offer(PolicySource("policies/p.yaml", KEYED + "# a remark\n"))
    assert "Nothing that a request would notice." in policy_view(policy)


def test_a_bad_edit_is_told_with_its_place() -> None:
    policy = Console().policy
    assert not policy.offer(PolicySource("policies/p.yaml", KEYED.replace("small:", "<small>:", 1)))
    told = policy_view(policy)
    assert "The last edit was not taken" in told
    assert "policies/p.yaml:" in told
    assert "<small>:" not in told
