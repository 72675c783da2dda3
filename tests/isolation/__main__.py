"""`python -m tests.isolation`: a million mixed operations of fifty tenants on each store; nobody is given another's.

The stores are caches of answers and indexes of questions, those of two servers among them where they can run.

Exit code 1 when an answer was given that must not be.
"""

import argparse
import sys
import time

import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.isolation.fuzz import Fuzz, Player, Verdict
from tests.isolation.index_fuzz import IndexPlayer
from tests.isolation.index_stores import INDEX_KINDS, SEARCHED, opened_indexes
from tests.isolation.stores import KINDS, opened, wall_s
from tests.support.search_server import CAN_SEARCH

_KINDS = (*KINDS, *INDEX_KINDS)
_SHOWN = 5


async def play(fuzz: Fuzz, kind: str, progress: Progress) -> Verdict:
    """Play on the caches, or the indexes, of a kind."""
    bar = progress.add_task(kind, total=fuzz.operations)
    if kind in INDEX_KINDS:
        async with opened_indexes(kind) as indexes:
            return await IndexPlayer(fuzz, indexes, wall_s, lambda done: progress.update(bar, completed=done)).play()
    async with opened(kind) as caches:
        player = Player(fuzz, caches.caches, caches.hear, wall_s, lambda done: progress.update(bar, completed=done))
        return await player.play()


def main() -> int:
    """Play on each kind, and tell what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.isolation", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=_KINDS, action="append", help="all that can run here when absent")
    options = parser.parse_args()
    fuzz = Fuzz(options.operations, options.tenants, options.texts, options.seed)
    is_sound = True
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        for kind in options.store or [kind for kind in _KINDS if CAN_SEARCH or kind not in SEARCHED]:
            began_s = time.monotonic()
            verdict = uvloop.run(play(fuzz, kind, progress))
            told = ", ".join(f"{name} {count:,}" for name, count in sorted(verdict.done.items()))
            progress.console.print(
                f"{kind}: {fuzz.operations:,} operations of {fuzz.tenants} tenants, seed {fuzz.seed}, "
                f"{time.monotonic() - began_s:.0f} s: {told}; "
                f"given to another: {len(verdict.leaks)}, given though purged: {len(verdict.stale)}"
            )
            for line in [*verdict.leaks, *verdict.stale][:_SHOWN]:
                progress.console.print(f"  {line}")
            is_sound = is_sound and verdict.is_sound
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
