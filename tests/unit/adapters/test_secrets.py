from pathlib import Path

import pytest

from gateway.adapters.secrets import MAX_BYTES, Secrets
from gateway.domain.tier import Secret


def test_a_secret_comes_from_the_environment_given() -> None:
    assert Secrets({"KEY": "sk-1"})("env:KEY") == Secret("sk-1")


def test_a_secret_comes_from_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"sk-2\r\n")
    assert Secrets({})(f"file:{tmp_path / 'key'}") == Secret("sk-2")


@pytest.mark.parametrize(
    ("value", "said"),
    [("", "is empty"), ("  ", "is empty"), ("a\nx-evil: 1", "line break"), ("a\r", "line break"), ("clé", "header")],
)
def test_a_secret_that_cannot_be_sent_is_refused(value: str, said: str) -> None:
    answer = Secrets({"KEY": value})("env:KEY")
    assert isinstance(answer, str)
    assert said in answer
    assert "evil" not in answer


def test_what_is_wrong_names_the_variable_or_the_file(tmp_path: Path) -> None:
    secrets = Secrets({})
    assert secrets("env:KEY") == "the environment variable KEY is not set"
    assert str(secrets(f"file:{tmp_path / 'none'}")).endswith("cannot be read: No such file or directory")
    assert "cannot be read" in str(secrets("file:/\0"))
    assert "Is a directory" in str(secrets(f"file:{tmp_path}"))
    assert "neither" in str(secrets("vault:x"))


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    secrets = Secrets({})
    assert "16 KiB" in str(secrets(f"file:{tmp_path / 'large'}"))
    assert "header" in str(secrets(f"file:{tmp_path / 'binary'}"))
