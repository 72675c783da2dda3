"""The `frames` command: learn the words that tell of a sentence which belongs to no request."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from gateway.core import frame_words
from router_models.cli_train import read_data
from router_models.data import default_data_directory
from router_models.frame_odds import asked, learn, module, said_around

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

WRITTEN: Final = Path(frame_words.__file__)
_HELP: Final = f"""Learn which words stand in greetings, thanks and pleas (`wordings.py`) rather than at the ends of
prompts, and write them to {WRITTEN.parent.name}/{WRITTEN.name}. Prints which share of the wordings is told by the
others' words alone. Whatever was trained before must be trained again: raise `FEATURE_VERSION`.

example: python -m router_models frames"""


def add_frames_command(commands: "Commands") -> None:
    """Add `frames` to a command line."""
    command = commands.add_parser(
        "frames",
        help="learn what is said around requests",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--data", type=Path, default=default_data_directory(), help="directory of the tables")
    command.add_argument("--to", type=Path, default=WRITTEN, help="the module to write (%(default)s)")
    command.set_defaults(run=_frames)


def _frames(chosen: argparse.Namespace, console: Console) -> int:
    learned = learn(said_around(), asked(read_data(chosen.data, console)))
    chosen.to.write_text(module(learned.odds), "utf-8")
    console.print(
        f"{len(learned.odds)} words in {chosen.to}; of the wordings {100 * learned.found:.0f} % are told by the words "
        f"of the others, of prompts' first and last sentences {100 * learned.mistaken:.2f} % are taken for one",
        highlight=False,
    )
    return 0
