"""Many seeds over several processes, resumable, and what they came to."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

from tests.sim.generator import case_of_seed
from tests.sim.verdict import Tally, judge

_AT_ONCE: Final = 50


class Progress(Struct):
    """How far a campaign has come: every seed from `first` up to `next` has been judged."""

    first: int
    next: int
    tally: Tally = field(default_factory=Tally)


def campaign(
    first: int, count: int, jobs: int, kept: Path | None, told: Callable[[Progress], None] = lambda _: None
) -> Progress:
    """Judge `count` seeds from `first` on.

    With `kept`, what was judged before is taken from there, and what is judged is written there as it comes.
    """
    progress = _resumed(first, kept)
    end = first + count
    batches = [(at, min(at + _AT_ONCE, end)) for at in range(progress.next, end, _AT_ONCE)]
    for (_, until), tally in zip(batches, _judged(batches, jobs), strict=True):
        progress.tally.add(tally)
        progress.next = until
        if kept is not None:
            kept.write_bytes(msgspec.json.encode(progress))
        told(progress)
    return progress


def without_logs() -> None:
    """Keep the gateway's own log silent: it tells of every fault that is simulated."""
    logging.disable(logging.CRITICAL)


def judge_range(seeds: tuple[int, int]) -> Tally:
    """Judge seeds one after the other."""
    tally = Tally()
    for seed in range(*seeds):
        tally.add(judge(case_of_seed(seed)))
    return tally


def _resumed(first: int, kept: Path | None) -> Progress:
    if kept is not None and kept.exists():
        before = msgspec.json.decode(kept.read_bytes(), type=Progress)
        if before.first == first:
            return before
    return Progress(first, first)


def _judged(batches: list[tuple[int, int]], jobs: int) -> Iterator[Tally]:
    if jobs == 1:
        yield from map(judge_range, batches)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, without_logs) as pool:
        yield from pool.imap(judge_range, batches)
