"""The list of clients is whole."""

from tests.conformance.asking import NAMES
from tests.conformance.clients import CLIENTS, SCRIPTS


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
