"""The `evaluate` command."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from router_models.__main__ import main
from router_models.data import default_data_directory
from router_models.embed import cache_path
from router_models.encoder_weights import PACKAGES

DATA = default_data_directory() / "routing" / "outcomes.csv.gz"


def test_an_unknown_protocol_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "--only", "R1,R13"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "R13" in said
    assert "R12" in said


def test_own_outcomes_without_a_model_end_with_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.csv"
    own.write_text("prompt,model,score\n", "utf-8")
    assert main(["evaluate", "--data", str(own), "--model", str(tmp_path / "none.npz")]) == 2
    assert "router_models train --data" in " ".join(capsys.readouterr().out.split())


@pytest.mark.data
def test_a_fast_run_on_the_public_data_writes_card_and_plots(tmp_path: Path) -> None:
    if not DATA.is_file():
        pytest.skip(f"the routing outcomes are absent: {'/'.join(DATA.parts[-4:])} beside the repository")
    if not any(find_spec(package) for package in PACKAGES):
        pytest.skip("the encoder's weights are absent: see `python -m router_models encoder build --help`")
    if not cache_path().is_file():
        pytest.skip("no text was passed through the encoder yet: python -m router_models train")
    card, plots = tmp_path / "CARD.md", tmp_path / "plots"
    places = ["--fits", str(tmp_path / "fits"), "--card", str(card), "--plots", str(plots)]
    # R10 is left out: it passes new texts through the encoder.
    assert main(["evaluate", "--fast", "--only", "R1,R3,R5,R7,R8,R9,R11,R12", *places]) == 0
    assert "Every protocol" in card.read_text("utf-8")
    assert (plots / "pgr-mmlu.svg").is_file()
