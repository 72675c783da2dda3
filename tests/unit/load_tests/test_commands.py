"""The command line."""

import re
from pathlib import Path

import pytest

from load_tests.__main__ import main
from load_tests.launch import free_port


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["compare"], ["slow_clients"], ["flood"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        assert "examples:" in capsys.readouterr().out


def test_a_load_on_another_machine_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    assert main(["drive", "--host", "192.0.2.1", "--port", "81", "--body", str(body)]) == 2
    assert "loopback" in capsys.readouterr().err


def test_a_load_on_nobody_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    assert main(["drive", "--port", str(free_port()), "--body", str(body)]) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--gateway", "nginx,apache"), ("--tests", "c65")])
def test_an_unknown_name_is_told_with_the_known_ones(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["compare", option, value])
    assert re.search(r"is not one of .*(nginx|c64)", capsys.readouterr().err)
