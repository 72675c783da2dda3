import hashlib

import pytest

from gateway.domain.ids import ModelAlias, RouteName, TenantId, TierName
from gateway.domain.limits import EdgeLimits
from gateway.domain.receipt import ReceiptTerms
from gateway.policy.compile import compile_policy
from gateway.policy.problems import MAX_FINDINGS, Problem
from gateway.policy.snapshot import PolicySnapshot, Target
from gateway.policy.source import PolicySource
from gateway.policy.tenants import key_digest
from tests.unit.policy.malformed import UNREADABLE, WRONG, Malformed
from tests.unit.policy.worlds import (
    CATALOGUE,
    GOOD,
    MINIMAL,
    FakePrices,
    compile_text,
    even_dial,
    fake_secrets,
    problems_of,
    snapshot_of,
)


def _told(problem: Problem) -> str:
    return f"{problem.line}:{problem.column} {problem.path}: {problem.message}; hint: {problem.hint}"


def _is_told(expected: str, problems: list[Problem]) -> bool:
    place, _, words = expected.partition(": ")
    return any(_told(problem).startswith(f"{place}: ") and words in _told(problem) for problem in problems)


@pytest.mark.parametrize("case", [*UNREADABLE, *WRONG], ids=lambda case: case.name)
def test_each_malformed_policy_tells_its_problems_and_their_places(case: Malformed) -> None:
    problems = problems_of(case.text)
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in problems)
    assert problems == sorted(problems, key=lambda problem: (problem.line, problem.column))
    told = "\n".join(map(_told, problems))
    for expected in case.told:
        assert _is_told(expected, problems), f"{expected}\nis not in\n{told}"
    assert "hunter2" not in told


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_one_mistake_gives_no_problem_but_its_own(case: Malformed) -> None:
    allowed = 200 if case.name == "a YAML bomb" else max(2, len(case.told))
    assert len(problems_of(case.text)) <= allowed


def test_there_are_more_than_fifty_malformed_policies() -> None:
    names = [case.name for case in (*UNREADABLE, *WRONG)]
    assert len(names) > 100


def test_mistakes_of_every_kind_are_told_at_once() -> None:
    text = GOOD
    for old, new in (
        ("version: 1\n", "version: 2\n"),
        ("input: 0.05", "inptu: 0.05"),
        ("llama-3.1-8b-instruct", "llama-8b-instruct"),
        ("in_flight: 64}", "in_flight: 64, in_flight: 65}"),
        ("api_key: env:UPSTREAM_KEY", "api_key: env:NOPE"),
        ("auto: {route: balanced}", "auto: {route: balance}"),
        ("dial: 12.5", "dial: 12.5\n    quality: 0.9"),
        ("keys: [env:BATCH_KEY]", "keys: [env:SEARCH_KEY]"),
        ("body: 4MiB", "body: &x 4MiB"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    assert [problem.path for problem in problems_of(text)] == [
        "version",
        "tiers.small.price.input",
        "tiers.small.price.inptu",
        "tiers.small.ability.like",
        "tiers.small.limits.in_flight",
        "tiers.large.endpoints.0.api_key",
        "models.auto.route",
        "routes.careful.dial",
        "tenants.batch.keys.0",
        "limits.body",
    ]


def test_problems_without_end_are_cut() -> None:
    many = "".join(f"  x{number}: 1\n" for number in range(MAX_FINDINGS + 10))
    problems = problems_of(f"version: 1\ntiers:\n{many}models: {{}}\nroutes: {{a: {{tiers: [b]}}}}\n")
    assert len(problems) == MAX_FINDINGS + 1
    assert problems[-1].message == "and more problems"


def test_a_thousand_wrong_names_do_not_take_long() -> None:
    tiers = "".join(f"  t{number}: {{}}\n" for number in range(5_000))
    models = "".join(f"  m{number}: {{tier: x{number}}}\n" for number in range(5_000))
    assert len(problems_of(f"version: 1\ntiers:\n{tiers}models:\n{models}")) == MAX_FINDINGS + 1


def test_the_same_secret_behind_two_references_is_refused() -> None:
    text = GOOD.replace("keys: [env:BATCH_KEY]", "keys: [env:UPSTREAM_KEY]").replace(
        "keys: [env:SEARCH_KEY]", "keys: [env:UPSTREAM_KEY]"
    )
    assert "tenant `search`" in problems_of(text)[0].message
    outcome = compile_policy(
        PolicySource("p", GOOD),
        catalogue=CATALOGUE,
        secrets=lambda reference: fake_secrets("env:SEARCH_KEY"),
        prices=FakePrices(),
        choose_dial=even_dial,
    )
    assert isinstance(outcome, list)
    assert [problem.message for problem in outcome] == [
        "expected a key of its own, found the same secret as behind `env:SEARCH_KEY`"
    ]


def test_a_good_policy_becomes_a_snapshot() -> None:
    snapshot = snapshot_of(GOOD)
    assert list(snapshot.tiers) == ["small", "large", "embed"]
    assert [tier.rank for tier in snapshot.tiers.values()] == [0, 1, 2]
    assert snapshot.aliases[ModelAlias("auto")] == Target(RouteName("balanced"), None)
    assert snapshot.aliases[ModelAlias("small")] == Target(RouteName("tier:small"), TierName("small"))
    assert list(snapshot.routes) == ["balanced", "careful", "tier:small", "tier:embed"]
    assert snapshot.receipts == ReceiptTerms(500, 86_400.0, 64 * 1024 * 1024)
    assert snapshot.limits == EdgeLimits(body_bytes=4 * 1024 * 1024, choices=4)
    assert not snapshot.is_open


def test_keys_are_kept_as_digests_only() -> None:
    snapshot = snapshot_of(GOOD)
    assert set(snapshot.keys) == {hashlib.sha256(b"sk-search").digest(), hashlib.sha256(b"sk-batch").digest()}
    key = snapshot.keys[key_digest("sk-search")]
    assert (key.id, key.tenant.id) == ("search/0", TenantId("search"))
    assert "sk-" not in repr(snapshot)


def test_a_policy_without_tenants_is_open() -> None:
    snapshot = snapshot_of(MINIMAL)
    assert snapshot.is_open
    assert snapshot.open_key is not None
    assert snapshot.open_key.tenant.may_pin
    assert snapshot.open_key.tenant.allowance.is_unlimited
    assert not snapshot.keys


def test_nothing_in_a_snapshot_can_be_changed() -> None:
    snapshot = snapshot_of(GOOD)
    for mapping in (snapshot.tiers, snapshot.routes, snapshot.aliases, snapshot.keys):
        assert not hasattr(mapping, "__setitem__")


def test_the_snapshot_is_named_after_source_and_artefact() -> None:
    expected = hashlib.sha256(GOOD.encode() + CATALOGUE.digest.encode()).hexdigest()[:12]
    assert snapshot_of(GOOD).id == expected
    other = compile_text(GOOD.encode(), name="another-name.yaml")
    assert isinstance(other, PolicySnapshot)
    assert other.id == expected
    assert snapshot_of(GOOD + "\n").id != expected
