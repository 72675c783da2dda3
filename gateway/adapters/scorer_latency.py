"""Measure the folded scorer as it is served: `python -m gateway.adapters.scorer_latency`.

A process of its own, since serving never loads the training stack.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Final

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.scorer_folded import FoldedScorer

SIZES_BYTES: Final = (200, 2_000, 50_000)
ROUNDS: Final = 3_000
PROSE: Final = (
    "A train leaves the station at 9:40 and travels 120 km at an average speed of 80 km/h. Explain, step by step, how "
    "the function f(x) = x^2 - 4x + 3 behaves near its minimum, and why. Which of the following statements about the "
    "supply of money is correct when the central bank raises its rate? Write a short story about a lighthouse keeper "
    "who finds a letter; then translate the last paragraph into plain English, keeping names and dates as they are. "
)


def text_of(size_bytes: int) -> str:
    """Return text of that size, with a running number in each repetition so that words do not all repeat."""
    parts = (f"Part {number}, version {number * 7}: {PROSE}" for number in range(size_bytes // len(PROSE) + 1))
    return "".join(parts)[:size_bytes]


def latencies_us(score: Callable[[str], object], text: str, rounds: int) -> tuple[float, float]:
    """Return median and 99th percentile of the time one call takes, in microseconds."""
    taken: list[int] = []
    for _ in range(rounds):
        start = perf_counter_ns()
        score(text)
        taken.append(perf_counter_ns() - start)
    taken.sort()
    return taken[rounds // 2] / 1_000, taken[rounds * 99 // 100] / 1_000


def main(arguments: list[str] | None = None) -> int:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description="Time the folded scorer on texts of 200 B, 2 kB and 50 kB.")
    parser.add_argument("--artefact", type=Path, default=shipped_artefact(), help="directory of the model")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="calls per size (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    scorer = FoldedScorer(load_artefact(chosen.artefact).table)
    for size_bytes in SIZES_BYTES:
        middle, high = latencies_us(scorer.score_text, text_of(size_bytes), chosen.rounds)
        sys.stdout.write(f"{size_bytes:>6} B  p50 {middle:6.1f} us  p99 {high:6.1f} us\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
