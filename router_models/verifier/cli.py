"""`python -m router_models verifier train`: fit the verifier of semantic hits beside a difficulty model."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from router_models.beside import ENCODER_VERIFIER, VERIFIER
from router_models.data import default_data_directory
from router_models.export import shipped_directory
from router_models.verifier.encoder_cosines import read_encoder, with_cosines
from router_models.verifier.export import verifier_bytes, write_verifier
from router_models.verifier.fit import SEED, fit, make_design
from router_models.verifier.held_out import shipped_mask
from router_models.verifier.space import read_piece_table

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

KEPT: Final = Path(".tiergate")
_HELP: Final = f"""Fit the verifier that says whether one answer does for two questions, and put it into the artefact of
the difficulty model whose word pieces it reads. Features and fits are kept in {KEPT}/, so that what broke off goes on;
the first run takes about four minutes of one core. Same data and seed, same verifier. How good it is:
python -m load_tests cache_quality

With --encoder the one is fitted that reads the cosines of that encoder, for routes with `scorer: encoder`, and put
beside the other. It passes some 130,000 texts through, twelve minutes of one core, and goes on where it broke off.

examples:
  python -m router_models verifier train --data ../shared/data
  python -m router_models verifier train --data ../shared/data --encoder router_models/artifacts/encoder"""


def add_verifier_command(commands: "Commands") -> None:
    """Add `verifier train` to a command line."""
    verifier = commands.add_parser("verifier", help="fit the verifier of semantic hits")
    parts = verifier.add_subparsers(required=True, metavar="command")
    trained = parts.add_parser(
        "train", help="fit and export", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    trained.add_argument("--data", type=Path, default=default_data_directory(), help="directory that holds cache/")
    trained.add_argument("--out", type=Path, default=shipped_directory(), help="the difficulty model's (%(default)s)")
    trained.add_argument("--encoder", type=Path, help="the folder that `encoder build` wrote")
    trained.add_argument("--kept", type=Path, default=KEPT, help="where features and fits are kept (%(default)s)")
    trained.add_argument("--seed", type=int, default=SEED, help="(%(default)s)")
    trained.set_defaults(run=_train)


def _train(chosen: argparse.Namespace, console: Console) -> int:
    table = read_piece_table(chosen.out)
    with console.status("read pairs") as status:
        design = make_design(chosen.data, table, chosen.kept, status.update, chosen.seed)
        encoder = None if chosen.encoder is None else read_encoder(chosen.encoder)
        if encoder is not None:
            design = with_cosines(design, encoder, chosen.kept, status.update)
        verifier = fit(design, shipped_mask(design.edits), chosen.kept, status.update, chosen.seed)
    raw = verifier_bytes(verifier, design.space, table.digest, "" if encoder is None else encoder.weights)
    write_verifier(chosen.out, raw, VERIFIER if encoder is None else ENCODER_VERIFIER)
    counted = sum(verifier.counts.right) + sum(verifier.counts.wrong)
    told = f"{sum(design.is_calibration):,} pairs, which count as {counted:,}"
    console.print(f"verifier in {chosen.out}: {len(raw) / 1e3:.0f} kB, calibrated on {told}")
    return 0
