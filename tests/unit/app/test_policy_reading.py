from pathlib import Path

import pytest

from gateway.app.policy_reading import (
    DEFAULT_POLICY,
    compiler,
    forgiving_secrets,
    read_artefact,
    read_policy,
    read_source,
)
from gateway.app.settings import CannotStart, read_settings
from gateway.domain.tier import Secret
from gateway.policy.source import PolicySource

SECRETIVE = Path("policies/examples/self_hosted_small_hosted_large.yaml")


def test_the_default_policy_is_read_and_compiled() -> None:
    settings = read_settings({}, {})
    policy = read_policy(settings, read_artefact(None))
    assert policy.snapshot.is_open
    assert policy.source.name == str(DEFAULT_POLICY)


def test_a_policy_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"none\.yaml cannot be read: No such file or directory\.$"):
        read_source(tmp_path / "none.yaml")


def test_where_the_default_policy_is_missing_it_is_said_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotStart, match="It is the default; name another with --policy FILE or TIERGATE_POLICY=FILE"):
        read_source(DEFAULT_POLICY)


def test_problems_of_a_policy_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 2\n")
    with pytest.raises(CannotStart, match=r"p\.yaml:1:10"):
        read_policy(read_settings({}, {"policy": path}), read_artefact(None))


def test_an_artefact_that_cannot_be_used_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="difficulty model cannot be used"):
        read_artefact(tmp_path)


def test_a_policy_can_be_looked_at_where_its_secrets_are_not() -> None:
    source = PolicySource(str(SECRETIVE), SECRETIVE.read_bytes())
    artefact = read_artefact(None)
    assert isinstance(compiler(artefact)(source), list)
    assert not isinstance(compiler(artefact, forgiving_secrets())(source), list)


def test_a_secret_that_is_there_is_taken_over_its_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-real")
    assert forgiving_secrets()("env:A_KEY") == Secret("sk-real")
    assert forgiving_secrets()("env:NO_SUCH_KEY") == Secret("env:NO_SUCH_KEY")
