"""Times the stages of the difficulty model as they are served: text in, chances of two models out, on one thread."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gateway.adapters.artefact import Artefact, ArtefactError, load_artefact, shipped_artefact
from gateway.adapters.encoder_artefact import EncoderFiles, load_encoder
from gateway.adapters.encoder_model import CannotEncode, encode_rows
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.app.scoring import find_runtime
from gateway.core.encoder_text import ids_of
from gateway.core.request_text import RequestText
from gateway.domain.ability import Ability, ClassifierOutcome, Score, acceptance
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.openai_request import canonicalise

PROSE: Final = (
    "A train leaves the station at 9:40 and travels 120 km at an average speed of 80 km/h. Explain, step by step, how "
    "the function f(x) = x^2 - 4x + 3 behaves near its minimum, and why. Which of the following statements about the "
    "supply of money is correct when the central bank raises its rate? Write a short story about a lighthouse keeper "
    "who finds a letter; then translate the last paragraph into plain English, keeping names and dates as they are. "
)
TEXTS: Final = 64
"""Different texts in turn, so that no figure is that of one text in the processor's caches."""
TOKENS: Final = 128
CHARS_128: Final = 2_000
"""Enough that the encoder's window of 128 tokens is full."""
ENCODER_DEVICE: Final = "cpu"
EXAMPLES = """examples:
  python -m load_tests scoring
  taskset -c 1 python -m load_tests scoring --rounds 5000 --json router_models/latency.json
"""

NO_ENCODER: Final = (
    "no time of an encoder: there is none beside the artefact, or nothing to run it. Write one and measure again: "
    "python -m router_models encoder build"
)
LOOP: Final = 200
"""Additions in the loop that tells how fast the machine was: on a shared one that changes by a factor of four."""

Scores = Callable[[CanonicalRequest], Score]
Encodes = Callable[[RequestText], Score]


@dataclass(frozen=True, slots=True)
class Cell:
    """One stage on texts of one size. A limit of 0: none was set.

    `loop_us` is the median time of a plain loop of `LOOP` additions, one after each call.
    """

    stage: str
    text: str
    p50_us: float
    p99_us: float
    p50_limit_us: float
    p99_limit_us: float
    loop_us: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage to be timed: what it does with a request, and on how many characters."""

    name: str
    text: str
    characters: int
    p50_limit_us: float
    p99_limit_us: float
    score: Scores


def request_of(characters: int, number: int) -> CanonicalRequest:
    """Return a chat request whose text has so many characters; another for another number."""
    parts = (
        f"Part {number}.{part}, version {part * 7 + number}: {PROSE}" for part in range(characters // len(PROSE) + 1)
    )
    body = {"model": "auto", "messages": [{"role": "user", "content": "".join(parts)[:characters]}]}
    return canonicalise(Operation.CHAT, json.dumps(body).encode(), EdgeLimits())


def text_of(request: CanonicalRequest) -> RequestText:
    """Return a request's text as the stages read it."""
    return RequestText(request.user_text, request.context_text, request.turns)


def stages_of(artefact: Artefact, encoder: Encodes | None) -> list[Stage]:
    """Return what is timed; a later stage's time contains those before it."""
    folded = FoldedScorer(artefact.table, artefact.table.adds)
    static = StaticScorer(artefact.static, artefact.table)

    def first(request: CanonicalRequest) -> Score:
        return folded.score_of(text_of(request))

    def second(request: CanonicalRequest) -> Score:
        text = text_of(request)
        return static.score(text, folded.score_of(text))

    stages = [
        Stage("folded", "2 kB", 2_000, 25, 0, first),
        Stage("folded", "50 kB", 50_000, 250, 0, first),
        Stage("folded → static", "2 kB", 2_000, 1_000, 0, second),
        Stage("folded → static", "8,000 characters", 8_000, 0, 3_000, second),
    ]
    if encoder is not None:

        def third(request: CanonicalRequest) -> Score:
            text = text_of(request)
            static.score(text, folded.score_of(text))
            return static.settle(text, encoder(text))

        stages.append(Stage("folded → static → encoder, int8 on the CPU", f"{TOKENS} tokens", CHARS_128, 0, 0, third))
    return stages


def encoder_of(files: EncoderFiles) -> Encodes | None:
    """Return the encoder on one thread of the CPU, None where no runtime is installed. Raises CannotEncode."""
    runtime = find_runtime()
    if runtime is None:
        return None
    session = runtime.load(files.model_for(ENCODER_DEVICE), ENCODER_DEVICE, files.manifest.latent)
    session.warm_up([(1, TOKENS)])
    pieces, name = files.pieces, files.name

    def score(text: RequestText) -> Score:
        row = ids_of(pieces, text.essence, TOKENS)
        (encoded,) = encode_rows(session, [row], pieces.padding)
        return Score(encoded.latent, encoded.familiarity or 1.0, name, ClassifierOutcome.ENCODER_CPU)

    return score


def timed(stage: Stage, tiers: Sequence[Ability], rounds: int, now_ns: Callable[[], int] = perf_counter_ns) -> Cell:
    """Time a stage, request by request, the chances included; every text is tried once before."""
    requests = [request_of(stage.characters, number) for number in range(TEXTS)]
    taken: list[int] = []
    loops: list[int] = []
    for round_ in range(-TEXTS, rounds):
        request = requests[round_ % TEXTS]
        start_ns = now_ns()
        score = stage.score(request)
        for tier in tiers:
            acceptance(tier, score)
        end_ns = now_ns()
        plain_loop()
        if round_ >= 0:
            taken.append(end_ns - start_ns)
            loops.append(now_ns() - end_ns)
    taken.sort()
    p50_us, p99_us = (round(taken[rounds * share // 100] / 1_000, 2) for share in (50, 99))
    loop_us = round(sorted(loops)[rounds // 2] / 1_000, 2)
    return Cell(stage.name, stage.text, p50_us, p99_us, stage.p50_limit_us, stage.p99_limit_us, loop_us)


def plain_loop() -> int:
    """Do what takes the same time wherever the interpreter is as fast."""
    total = 0
    for number in range(LOOP):
        total += number
    return total


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--artefact", type=Path, default=shipped_artefact(), help="directory of the difficulty model")
    parser.add_argument("--rounds", type=int, default=2_000, help="calls for each figure (default %(default)s)")
    parser.add_argument("--encoder-rounds", type=int, default=300, help="of the encoder (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures there, for the model card to quote")


def run(options: argparse.Namespace) -> int:
    """Print the table; 2 when there is no difficulty model."""
    try:
        artefact = load_artefact(options.artefact)
        files = load_encoder(options.artefact, artefact)
        encoder = None if files is None else encoder_of(files)
    except (ArtefactError, CannotEncode) as error:
        print(error, file=sys.stderr)
        return 2
    references = list(artefact.catalogue.references.values())[:2]
    told = Console(stderr=True)
    cells = [
        timed(stage, references, options.encoder_rounds if "encoder" in stage.name else options.rounds)
        for stage in track(stages_of(artefact, encoder), description="timing", console=told, transient=True)
    ]
    if encoder is None:
        print(NO_ENCODER, file=sys.stderr)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    if options.json is not None:
        told_json = {"machine": machine, "cells": [asdict(cell) for cell in cells]}
        options.json.write_text(json.dumps(told_json, indent=2, ensure_ascii=False) + "\n", "utf-8")
    Console(width=None if sys.stdout.isatty() else 110).print(scoring_table(cells))
    return 0


def scoring_table(cells: Sequence[Cell]) -> Table:
    """Draw the figures beside their limits."""
    title = f"text in, chances of two models out, µs, one thread; beside each call a loop of {LOOP} additions"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("stages", "text", "p50", "p99", "p50 at most", "p99 at most", "loop"):
        table.add_column(column, justify="left" if column in ("stages", "text") else "right")
    for cell in cells:
        limits = (f"{limit:g}" if limit else "" for limit in (cell.p50_limit_us, cell.p99_limit_us))
        table.add_row(cell.stage, cell.text, f"{cell.p50_us:.1f}", f"{cell.p99_us:.1f}", *limits, f"{cell.loop_us:.1f}")
    return table
