"""Many seeds over several processes, resumable, and what they came to."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

from tests.sim.generator import case_of_seed
from tests.sim.verdict import Tally, judge

_AT_ONCE: Final = 50


class Progress(Struct):
    """How far a campaign has come: every seed from `first` up to `next` has been judged.

    `shared` tells that every case was given a Redis.
    """

    first: int
    next: int
    shared: bool = False
    tally: Tally = field(default_factory=Tally)


def campaign(
    first: int,
    count: int,
    jobs: int,
    kept: Path | None,
    told: Callable[[Progress], None] = lambda _: None,
    *,
    shared: bool = False,
) -> Progress:
    """Judge `count` seeds from `first` on, each with a Redis if they are to be `shared`.

    With `kept`, what was judged before is taken from there, and what is judged is written there as it comes.
    """
    progress = _resumed(Progress(first, first, shared), kept)
    end = first + count
    batches = [(at, min(at + _AT_ONCE, end)) for at in range(progress.next, end, _AT_ONCE)]
    for (_, until), tally in zip(batches, _judged(batches, jobs, shared=shared), strict=True):
        progress.tally.add(tally)
        progress.next = until
        if kept is not None:
            kept.write_bytes(msgspec.json.encode(progress))
        told(progress)
    return progress


def without_logs() -> None:
    """Keep the gateway's own log silent: it tells of every fault that is simulated."""
    logging.disable(logging.CRITICAL)


def judge_range(seeds: tuple[int, int], *, shared: bool = False) -> Tally:
    """Judge seeds one after the other."""
    tally = Tally()
    for seed in range(*seeds):
        tally.add(judge(case_of_seed(seed, shared=shared)))
    return tally


def _resumed(anew: Progress, kept: Path | None) -> Progress:
    if kept is not None and kept.exists():
        before = msgspec.json.decode(kept.read_bytes(), type=Progress)
        if (before.first, before.shared) == (anew.first, anew.shared):
            return before
    return anew


def _judged(batches: list[tuple[int, int]], jobs: int, *, shared: bool) -> Iterator[Tally]:
    judge_batch = partial(judge_range, shared=shared)
    if jobs == 1:
        yield from map(judge_batch, batches)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, without_logs) as pool:
        yield from pool.imap(judge_batch, batches)
