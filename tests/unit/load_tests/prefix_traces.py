"""Small traces: conversations that take turns, in which each turn begins as the last one did."""

import gzip
import json
from pathlib import Path

from load_tests.prefix import CONVERSATION, SYNTHETIC
from load_tests.prefix_world import BLOCK_TOKENS, Asked


def talks(conversations: int = 8, turns: int = 6, *, every_s: float = 0.5) -> list[Asked]:
    """Let conversations take turns, each of two blocks more than its last one."""
    return [
        Asked(
            (turn * conversations + talk) * every_s,
            BLOCK_TOKENS * 2 * (turn + 1),
            50,
            tuple(b"%d %d" % (talk, at) for at in range(2 * (turn + 1))),
        )
        for turn in range(turns)
        for talk in range(conversations)
    ]


def write_traces(folder: Path) -> None:
    """Write a trace under each name that is looked for, with chains long enough to be timed."""
    rows = [
        {
            "timestamp": at * 700,
            "input_length": 60 * BLOCK_TOKENS,
            "output_length": 5,
            "hash_ids": [at % 3, *range(9, 68)],
        }
        for at in range(12)
    ]
    for name in (CONVERSATION, SYNTHETIC):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
