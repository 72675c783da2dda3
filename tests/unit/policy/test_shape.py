from gateway.policy.load import read_document
from gateway.policy.problems import Finding
from gateway.policy.schema import Policy
from gateway.policy.shape import check_shape
from gateway.policy.source import PolicySource
from tests.unit.policy.worlds import GOOD


def shape(text: str) -> tuple[Policy, list[Finding]]:
    document = read_document(PolicySource("p", text))
    assert document.root is not None
    return check_shape(document.root, document)


def test_a_good_policy_is_read_whole() -> None:
    policy, findings = shape(GOOD)
    assert not findings
    assert list(policy.tiers) == ["small", "large", "embed"]
    assert policy.tiers["small"].limits.ttft == 4.0
    assert policy.routes["balanced"].quality == 0.95


def test_only_the_entry_with_a_mistake_is_left_out() -> None:
    policy, findings = shape(GOOD.replace("ttft: 4s", "ttft: 4").replace("keys: [env:BATCH_KEY]", "keys: x"))
    assert [finding.path for finding in findings] == [
        ("tiers", "small", "limits", "ttft"),
        ("tenants", "batch", "keys"),
    ]
    assert list(policy.tiers) == ["large", "embed"]
    assert list(policy.tenants) == ["search"]
    assert policy.limits.choices == 4


def test_a_section_with_a_mistake_falls_back_to_its_defaults() -> None:
    policy, _ = shape(GOOD.replace("choices: 4", "choices: x").replace("version: 1\n", "version: 3\n"))
    assert policy.limits.choices == 16
    assert policy.receipts.keep == 500
    assert policy.version == 1


def test_sections_of_the_wrong_kind_leave_nothing() -> None:
    policy, findings = shape("version: 1\ntiers: 3\nmodels: []\nroutes: ~\nlimits: x\n")
    assert [finding.message for finding in findings] == [
        "expected a mapping, found 3",
        "expected a mapping, found a list",
        "expected a mapping, found nothing",
        'expected a mapping, found "x"',
    ]
    assert (policy.tiers, policy.models, policy.routes) == ({}, {}, {})


def test_nothing_is_said_about_what_could_not_be_read() -> None:
    _, findings = shape(GOOD.replace("context: 32k", "context: !x [32k]").replace("{body: 4MiB", "{body: !x {}"))
    assert not findings


def test_a_name_that_looks_like_a_tag_of_ours_is_a_name() -> None:
    _, findings = shape(GOOD.replace("auto: {route: balanced}", "<table>: {rout: balanced}"))
    assert [finding.path for finding in findings] == [("models", "<table>", "rout")]


def test_an_inline_secret_is_not_repeated_but_other_kinds_are_named() -> None:
    _, findings = shape(GOOD.replace("env:UPSTREAM_KEY", "{a: hunter2}").replace("[env:BATCH_KEY]", "hunter2"))
    said = " ".join(finding.message for finding in findings)
    assert "hunter2" not in said
    assert "found a mapping" in said
