"""The commands about the cache: what is asked of a gateway, and what is told of a wrong use. With a gateway: in e2e."""

import socket

import pytest
from typer.testing import CliRunner, Result

from gateway.app.cli_cache import app


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)


@pytest.fixture
def nowhere() -> str:
    """A URL where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "arguments", [("stats",), ("purge", "--tenant", "team"), ("explain", "--prompt", "Hello")], ids=lambda each: each[0]
)
def test_without_a_gateway_that_is_told_in_a_sentence(arguments: tuple[str, ...], nowhere: str) -> None:
    result = run(*arguments, "--url", nowhere)
    assert result.exit_code == 1
    assert f"The gateway at {nowhere} cannot be asked" in result.stderr
    assert "--url" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("age", ["soon", "5", "-5s", "1y"])
def test_an_age_is_a_duration(age: str) -> None:
    result = run("purge", "--tenant", "team", f"--older-than={age}")
    assert result.exit_code == 2
    assert "90s, 30m, 2h or 7d" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("request.json", "--prompt", "Hello")])
def test_what_is_explained_comes_from_one_place(arguments: tuple[str, ...]) -> None:
    result = run("explain", *arguments)
    assert result.exit_code == 2
    assert "--prompt" in result.stderr


def test_a_file_that_cannot_be_read_or_is_no_json_is_told() -> None:
    absent = run("explain", "/nowhere/request.json")
    assert (absent.exit_code, "cannot be read" in absent.stderr) == (2, True)
    unsound = run("explain", "-", stdin="{")
    assert (unsound.exit_code, "is no JSON" in unsound.stderr) == (2, True)


@pytest.mark.parametrize("command", [(), ("stats",), ("purge",), ("explain",)])
def test_every_command_has_examples(command: tuple[str, ...]) -> None:
    help_text = run(*command, "--help").stdout
    assert "Examples:" in help_text
    assert "tiergate cache" in help_text
