"""The command line of the difficulty model, behind `__main__.py`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from router_models.cli_bench import add_bench_command
from router_models.cli_data import add_data_commands, at_own_places
from router_models.cli_encoder import add_encoder_commands
from router_models.cli_evaluate import CARD, add_evaluate_command
from router_models.cli_frames import add_frames_command
from router_models.cli_records import add_options
from router_models.cli_train import run_calibrate, run_export, run_train
from router_models.cli_tried import add_tried_command
from router_models.data import DataError, default_data_directory
from router_models.export import shipped_directory
from router_models.low_rank import SEED
from router_models.own_data import SUFFIXES
from router_models.reproduced import add_reproduced_command
from router_models.triton import add_triton_command
from router_models.verifier.cli import add_verifier_command

KEPT = Path(".tiergate") / "router_model.npz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 2 when the data or a model are missing."""
    chosen = at_own_places(_parser().parse_args(arguments), KEPT, shipped_directory())
    console = Console()
    try:
        status: int = chosen.run(chosen, console)
    except DataError as error:
        console.print(f"[red]error:[/] {escape(str(error))}", highlight=False)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m router_models", description="Train, calibrate, evaluate, export and time the difficulty model."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, run, what, example in (
        ("train", run_train, "fit on all but the test split, then write the artefact", "--data outcomes.parquet"),
        ("calibrate", run_calibrate, "show the calibrated abilities of a kept model", ""),
        ("export", run_export, "write the artefact of a kept model", "--out router_models/artifacts"),
    ):
        command = commands.add_parser(
            name, help=what, description=what, epilog=f"example: python -m router_models {name} {example}".rstrip()
        )
        command.set_defaults(run=run)
        command.add_argument(
            "--data",
            type=Path,
            default=default_data_directory(),
            help=f"directory that holds routing/ (%(default)s), or own outcomes: {', '.join(SUFFIXES)}",
        )
        command.add_argument("--model", type=Path, default=KEPT, help="the model kept between commands (%(default)s)")
        command.add_argument("--out", type=Path, default=shipped_directory(), help="artefact directory (%(default)s)")
        if name == "train":
            command.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
            add_options(command)
    add_evaluate_command(commands, KEPT)
    add_tried_command(commands)
    add_reproduced_command(commands, CARD)
    add_data_commands(commands)
    add_encoder_commands(commands)
    add_frames_command(commands)
    add_bench_command(commands)
    add_triton_command(commands, shipped_directory())
    add_verifier_command(commands)
    return parser
