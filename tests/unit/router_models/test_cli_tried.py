"""The `tried` command."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from router_models.__main__ import main
from router_models.cli_tried import tell
from router_models.tried.attempt import Attempt, Missed


def test_an_unknown_row_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["tried", "--rows", "R1,R5"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "R5" in said
    assert "R12" in said


def test_own_outcomes_and_a_card_that_is_not_there_end_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("prompt,model,score\n", "utf-8")
    assert main(["tried", "--data", str(own)]) == 2
    assert "routing/" in capsys.readouterr().out
    assert main(["tried", "--card", str(tmp_path / "CARD.md")]) == 2
    assert "router_models evaluate" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "CARD.md").write_text("# Model card\n", "utf-8")
    assert main(["tried", "--card", str(tmp_path / "CARD.md")]) == 2
    assert "no table" in " ".join(capsys.readouterr().out.split())


def test_what_was_tried_is_told_with_what_bounds_it_and_a_reached_row_by_name() -> None:
    said = StringIO()
    missed = Missed("R1", "MMLU, 5 folds", "≥ 0.72", "encoder 0.676", [Attempt("kernel ridge", "0.690")], ["Too few."])
    tell("R1", [missed], Console(file=said, width=120))
    tell("R7", [], Console(file=said, width=120))
    told = said.getvalue()
    assert "kernel ridge" in told
    assert "- Too few." in told
    assert told.endswith("R7: each of its goals is reached by some stage.\n")
