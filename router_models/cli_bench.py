"""The `bench` command: the encoder on one device, and the folded stage beside it."""

import argparse
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from router_models.bench import BATCHES, QUICK_BATCHES, QUICK_TOKENS, TOKENS, Cell, OpenLoop, measure, open_loop
from router_models.bench_report import (
    CELL_COLUMNS,
    FOLDED_COLUMNS,
    OPEN_COLUMNS,
    Rows,
    cell_rows,
    open_rows,
    replace_section,
    section,
    surroundings,
)
from router_models.cli_encoder import BUILT
from router_models.data import DataError
from router_models.encoder_build import HALF, SMALL, VOCABULARY
from router_models.encoder_run import PROVIDERS, EncoderRun

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

REPORT: Final = Path(__file__).with_name("BENCH.md")
MODELS: Final = {"cpu": SMALL, "cuda": HALF}
CELL_SECONDS: Final = 1.0
QUICK_CELL_SECONDS: Final = 0.5
OPEN_LOOP_SECONDS: Final = 5.0
OPEN_LOOP_TOKENS: Final = 128
_FOLDED: Final = re.compile(r"(\d+) B\s+p50\s+([\d.]+) us\s+p99\s+([\d.]+) us")
_HELP: Final = f"""Time the encoder, whole path (cut into ids, fill up, pass through), with and without IO binding, and
the folded stage; print device, providers and versions, and write all of it to a Markdown table. --quick measures fewer
sizes (the default on the CPU: under three minutes); --full measures batches of 1 to 256 texts of 32 to 512 tokens.
--rate adds a run in which requests of {OPEN_LOOP_TOKENS} tokens come by chance, so many per second.

On a GPU, onnxruntime-gpu takes the place of onnxruntime:

  pip uninstall onnxruntime; pip install 'onnxruntime-gpu[cuda,cudnn]'
  python -m router_models encoder build
  python -m router_models bench --device cuda --rate 5000

example: python -m router_models bench --device cpu --quick"""


def add_bench_command(commands: "Commands") -> None:
    """Add `bench` to a command line."""
    kind = argparse.RawDescriptionHelpFormatter
    bench = commands.add_parser("bench", help="time the stages as served", description=_HELP, formatter_class=kind)
    bench.add_argument("--device", choices=list(PROVIDERS), default="cpu", help="(%(default)s)")
    bench.add_argument("--encoder", type=Path, default=BUILT, help="directory of the encoder (%(default)s)")
    bench.add_argument("--model", help=f"its file (cpu: {SMALL}, cuda: {HALF})")
    bench.add_argument("--threads", type=int, default=1, help="on the CPU, as served: 1; 0 for one per core")
    size = bench.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="is_quick", action="store_true", default=None, help="fewer sizes")
    size.add_argument("--full", dest="is_quick", action="store_false", help="all sizes")
    bench.add_argument("--rate", type=float, default=0.0, help="also an open-loop run at so many requests per second")
    bench.add_argument("--seconds", type=float, help="time for each size")
    bench.add_argument("--rounds", type=int, default=3_000, help="calls per size of the folded stage (%(default)s)")
    bench.add_argument("--out", type=Path, default=BUILT.parent, help="artefact directory (%(default)s)")
    bench.add_argument("--report", type=Path, default=REPORT, help="the Markdown file (%(default)s)")
    bench.add_argument("--note", default="", help="a remark to be kept with the figures")
    bench.set_defaults(run=_bench)


def _bench(chosen: argparse.Namespace, console: Console) -> int:
    folded = _folded(chosen.out, chosen.rounds)
    if not (chosen.encoder / VOCABULARY).is_file():
        _show(console, "Folded stage", FOLDED_COLUMNS, folded)
        console.print(
            f"there is no encoder in {chosen.encoder}, so nothing was written. "
            "Run: python -m router_models encoder build",
            highlight=False,
        )
        return 0
    path = chosen.encoder / (chosen.model or MODELS[chosen.device])
    if not path.is_file():
        raise DataError(f"{path} is not there. Run: python -m router_models encoder build --to {chosen.encoder}")
    model = EncoderRun(path, chosen.device, chosen.threads)
    known = {"date": datetime.now(UTC).date().isoformat(), **surroundings(chosen.device, model.providers, path)}
    known["threads"] = str(chosen.threads or "one per core")
    if chosen.note:
        known["note"] = chosen.note
    for name, value in known.items():
        console.print(f"{name}: {value}", highlight=False)
    cells, runs = _measured(chosen, model, console)
    tables = ((CELL_COLUMNS, cell_rows(cells)), (OPEN_COLUMNS, open_rows(runs)), (FOLDED_COLUMNS, folded))
    for title, (columns, rows) in zip(("Encoder", "Requests by chance", "Folded stage"), tables, strict=True):
        _show(console, title, columns, rows)
    replace_section(chosen.report, chosen.device, section(chosen.device, known, tables))
    console.print(f"written to {chosen.report}")
    return 0


def _measured(chosen: argparse.Namespace, model: EncoderRun, console: Console) -> tuple[list[Cell], list[OpenLoop]]:
    vocabulary = (chosen.encoder / VOCABULARY).read_text("utf-8").splitlines()
    is_quick = chosen.device == "cpu" if chosen.is_quick is None else chosen.is_quick
    sizes = (QUICK_BATCHES, QUICK_TOKENS, QUICK_CELL_SECONDS) if is_quick else (BATCHES, TOKENS, CELL_SECONDS)
    batches, lengths, usual_s = sizes
    seconds = usual_s if chosen.seconds is None else chosen.seconds
    grid = [(batch, tokens, is_bound) for tokens in lengths for batch in batches for is_bound in (False, True)]
    cells, runs = [], []
    with Progress(console=console) as progress:
        bar = progress.add_task("encoder", total=len(grid))
        for batch, tokens, is_bound in grid:
            cells.append(measure(model, vocabulary, batch, tokens, is_bound=is_bound, seconds=seconds))
            progress.advance(bar)
        if chosen.rate:
            runs.append(open_loop(model, vocabulary, chosen.rate, OPEN_LOOP_TOKENS, seconds=OPEN_LOOP_SECONDS))
    return cells, runs


def _folded(artefact: Path, rounds: int) -> Rows:
    """Measure the folded stage in a process of its own: training must not import what serves."""
    command = [sys.executable, "-m", "gateway.adapters.scorer_latency", "--artefact", str(artefact)]
    command += ["--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        raise DataError(f"the folded stage could not be timed: {done.stderr.strip()}")
    return [("folded", f"{size} B", p50, p99) for size, p50, p99 in _FOLDED.findall(done.stdout)]


def _show(console: Console, title: str, columns: tuple[str, ...], rows: Rows) -> None:
    if not rows:
        return
    shown = Table(title=title)
    for column in columns:
        shown.add_column(column, justify="right")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
