"""The list of clients is whole."""

import re
from pathlib import Path

from tests.conformance.asking import NAMES
from tests.conformance.clients import CLIENTS, SCRIPTS
from tests.conformance.pinned import ENVIRONMENTS, REQUIREMENTS, command, packages


def test_every_client_is_pinned_and_has_its_script() -> None:
    for client in CLIENTS:
        assert (SCRIPTS / client.script).is_file()
        assert all("==" in package or "@" in package for package in client.packages)


def test_every_script_has_its_client() -> None:
    assert {client.script for client in CLIENTS} == {file.name for file in SCRIPTS.glob("ask_*")}


def test_the_version_is_the_first_packages() -> None:
    versions = {client.name: client.version for client in CLIENTS}
    assert (versions["llm"], versions["anthropic-npm"]) == ("0.36", "1.14.0")


def test_what_a_client_lacks_is_a_value_with_a_reason() -> None:
    for client in CLIENTS:
        assert client.lacks.keys() <= set(NAMES)
        assert all(client.lacks.values())


def test_the_gate_has_every_python_client_at_the_version_that_is_told() -> None:
    for client in CLIENTS:
        assert bool(client.pinned) == client.script.endswith(".py")
    for environment in ENVIRONMENTS:
        compiled = (REQUIREMENTS / f"{environment}.txt").read_text("utf-8")
        lines = {line.removesuffix(" \\") for line in compiled.splitlines() if "==" in line}
        assert {re.sub(r"\[.*\]", "", package) for package in packages(environment)} <= lines
        assert compiled.count("--hash=") >= len(lines), "each has a hash at least"


def test_what_is_not_installed_has_no_command(tmp_path: Path) -> None:
    client = next(client for client in CLIENTS if client.pinned)
    assert command(client, tmp_path) is None
    (tmp_path / client.pinned).mkdir()
    (tmp_path / client.pinned / "ready").write_text("another file's digest")
    assert command(client, tmp_path) is None
