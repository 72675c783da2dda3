"""The command line of the difficulty model."""

from pathlib import Path

import pytest

from router_models.__main__ import main


@pytest.mark.parametrize("command", ["train", "calibrate", "evaluate", "tried", "export", "bench"])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"python -m router_models {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "calibrate", "evaluate", "tried", "export"])
def test_absent_data_end_a_command_with_a_message_and_status_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--data", str(tmp_path)]) == 2
    assert "is not there" in capsys.readouterr().out.replace("\n", " ")
