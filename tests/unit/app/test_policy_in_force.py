"""The one door by which a policy takes another's place."""

from dataclasses import replace

from gateway.app.policy_in_force import PolicyInForce
from gateway.domain.ids import SnapshotId
from gateway.policy.problems import Problem
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.support.gateways import KEYED, TWO_TIERS
from tests.unit.policy.worlds import compile_text, snapshot_of


def in_force(text: str = KEYED, *, may_open: bool = False) -> PolicyInForce:
    """Put a policy in force as the gateway does at its start."""

    def compile_source(source: PolicySource) -> object:
        return compile_text(source.content, source.name)

    return PolicyInForce(snapshot_of(text), PolicySource("p.yaml", text), compile_source, may_open=may_open)  # type: ignore[arg-type]


def offer(policy: PolicyInForce, text: str) -> bool:
    return policy.offer(PolicySource("p.yaml", text))


def test_a_sound_policy_takes_the_place_of_the_one_before() -> None:
    policy = in_force()
    before = policy.snapshot
    assert offer(policy, KEYED.replace("rpm: 2", "rpm: 3"))
    assert policy.snapshot.id != before.id
    assert policy.previous is before
    assert (policy.reloads.accepted, policy.reloads.refused) == (1, 0)
    assert policy.problems == []


def test_a_policy_with_problems_changes_nothing_but_what_is_said_of_it() -> None:
    policy = in_force()
    before, source = policy.snapshot, policy.source
    assert not offer(policy, KEYED.replace("input: 1,", "input: free-ish,"))
    assert policy.snapshot is before
    assert policy.previous is None
    assert policy.source is source
    assert [problem.line for problem in policy.problems] == [5]
    assert (policy.reloads.accepted, policy.reloads.refused) == (0, 1)


def test_going_back_to_the_policy_in_force_clears_what_was_said() -> None:
    policy = in_force()
    before = policy.snapshot
    offer(policy, "version: 2\n")
    assert policy.problems
    assert offer(policy, KEYED)
    assert policy.problems == []
    assert policy.snapshot is before
    assert policy.reloads.accepted == 0


def test_a_good_policy_after_a_bad_one_clears_what_was_said() -> None:
    policy = in_force()
    offer(policy, "version: 2\n")
    assert offer(policy, KEYED.replace("rpm: 2", "rpm: 3"))
    assert policy.problems == []
    assert (policy.reloads.accepted, policy.reloads.refused) == (1, 1)


def test_a_policy_without_tenants_is_refused_where_others_could_spend_its_money() -> None:
    policy = in_force()
    assert not offer(policy, TWO_TIERS)
    assert not policy.snapshot.is_open
    (problem,) = policy.problems
    assert "listens beyond this machine" in str(problem)
    assert "--host 127.0.0.1" in str(problem)


def test_a_policy_without_tenants_is_taken_where_only_this_machine_is_served() -> None:
    policy = in_force(may_open=True)
    assert offer(policy, TWO_TIERS)
    assert policy.snapshot.is_open


def test_the_same_policy_is_taken_again_when_what_it_was_made_from_has_changed() -> None:
    content = {"now": b"one"}

    def compile_source(source: PolicySource) -> PolicySnapshot | list[Problem]:
        compiled = snapshot_of(source.content.decode())
        return replace(compiled, id=SnapshotId(content["now"].decode()))

    first = compile_source(PolicySource("p.yaml", KEYED))
    assert isinstance(first, PolicySnapshot)
    policy = PolicyInForce(first, PolicySource("p.yaml", KEYED), compile_source, may_open=False)
    assert offer(policy, KEYED)
    assert policy.reloads.accepted == 0
    content["now"] = b"two"
    assert offer(policy, KEYED)
    assert (policy.snapshot.id, policy.reloads.accepted) == ("two", 1)
