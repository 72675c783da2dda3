"""The simulation from the command line."""

import pytest

from tests.sim.__main__ import main
from tests.sim.generator import case_of_seed
from tests.sim.stage import play


def test_a_seed_is_shown_with_its_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--trace"]) == 0
    told = capsys.readouterr().out
    case = case_of_seed(3)
    assert told.startswith(case.line() + "\n")
    assert "\n".join(play(case).history.lines()) in told
    assert told.endswith("nothing is violated\n")


def test_a_line_is_played_like_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--trace"]) == main(["--line", case_of_seed(3).line(), "--trace"]) == 0
    told = capsys.readouterr().out
    assert told[: len(told) // 2] == told[len(told) // 2 :]


def test_what_redis_did_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--redis", "--trace"]) == 0
    assert "PING -> PONG" in capsys.readouterr().out


def test_many_seeds_end_with_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "3", "--from", "40", "--redis"]) == 0
    told = capsys.readouterr().out
    for title in ("Runs", "Faults met, by kind and phase", "Outcomes", "Pairs of the exchange machine"):
        assert title in told
