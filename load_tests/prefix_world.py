"""A world in which prompts' beginnings matter: recorded arrivals, servers that keep what they computed, and a router.

Each server has one line for prompts, first come first served, at a fixed speed, and keeps a fixed number of blocks, the
least recently used out first; of one prompt the end is older than the beginning. What of a prompt was kept when it
arrives it need not compute. Answers take time and hold nobody up. Routers see what a gateway can: which request they
sent where, when its first token came, when it ended, and how much of it its server then says it had.
"""

import gzip
import heapq
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

BLOCK_TOKENS = 512
SPEED_TOKENS_PER_S = 8_000
PER_PROMPT_S = 0.01
PER_ANSWER_TOKEN_S = 0.03
KEPT_BLOCKS = 3_000
_NAME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a trace. Equal blocks mean equal beginnings."""

    at_s: float
    prompt_tokens: int
    answer_tokens: int
    blocks: tuple[bytes, ...]

    def cached_tokens(self, blocks: int) -> int:
        """Return how many of the prompt's tokens lie in so many blocks from its beginning on."""
        return min(self.prompt_tokens, BLOCK_TOKENS * blocks)


def read_trace(path: Path) -> list[Asked]:
    """Read a trace of Mooncake's: gzip-compressed JSON lines. Raises OSError."""
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Asked(
            row["timestamp"] / 1e3,
            row["input_length"],
            row["output_length"],
            tuple(block.to_bytes(_NAME_BYTES) for block in row["hash_ids"]),
        )
        for row in rows
    ]


class Kept:
    """Blocks, the least recently used out first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._blocks: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def depth(self, blocks: Sequence[bytes]) -> int:
        """Count the blocks from the beginning on that are kept."""
        kept = self._blocks
        return next((depth for depth, block in enumerate(blocks) if block not in kept), len(blocks))

    def use(self, blocks: Sequence[bytes]) -> None:
        """Keep these, the first one longest."""
        kept = self._blocks
        for block in reversed(blocks):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > self._most:
            kept.popitem(last=False)


@dataclass(slots=True)
class Server:
    """One server: what it keeps, when it is free, and what it has computed."""

    kept: Kept
    free_at_s: float = 0.0
    computed_tokens: int = 0

    def take(self, asked: Asked) -> tuple[int, float]:
        """Queue a prompt now; return how many of its blocks were there, and when its first token comes."""
        depth = self.kept.depth(asked.blocks)
        self.kept.use(asked.blocks)
        uncached_tokens = asked.prompt_tokens - asked.cached_tokens(depth)
        self.computed_tokens += uncached_tokens
        self.free_at_s = max(asked.at_s, self.free_at_s) + uncached_tokens / SPEED_TOKENS_PER_S + PER_PROMPT_S
        return depth, self.free_at_s


class Router(Protocol):
    """Who decides. Requests are named by their number; times are seconds of the trace."""

    def choose(self, number: int, asked: Asked) -> int:
        """Return the server that the request goes to."""

    def begun(self, number: int, now_s: float) -> None:
        """Take note of a request's first token."""

    def ended(self, number: int, now_s: float, had_blocks: int) -> None:
        """Take note of a request's end, and of how many of its blocks its server says it had."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a replay. `imbalance` is the most that one server computed over the mean."""

    cached_share: float
    ttft_mean_s: float
    ttft_p99_s: float
    imbalance: float


@dataclass(order=True, slots=True)
class _Event:
    at_s: float
    order: int
    number: int = field(compare=False)
    had_blocks: int | None = field(compare=False, default=None)


def replay(trace: Iterable[Asked], router: Router, servers: int, kept_blocks: int = KEPT_BLOCKS) -> Found:
    """Send a trace's requests at their times to so many servers."""
    made = [Server(Kept(kept_blocks)) for _ in range(servers)]
    events: list[_Event] = []
    ttfts_s: list[float] = []
    asked_tokens = cached_tokens = 0
    for number, asked in enumerate(trace):
        while events and events[0].at_s <= asked.at_s:
            event = heapq.heappop(events)
            if event.had_blocks is None:
                router.begun(event.number, event.at_s)
            else:
                router.ended(event.number, event.at_s, event.had_blocks)
        depth, begins_s = made[router.choose(number, asked)].take(asked)
        heapq.heappush(events, _Event(begins_s, 2 * number, number))
        ends_s = begins_s + PER_ANSWER_TOKEN_S * asked.answer_tokens
        heapq.heappush(events, _Event(ends_s, 2 * number + 1, number, depth))
        ttfts_s.append(begins_s - asked.at_s)
        asked_tokens += asked.prompt_tokens
        cached_tokens += asked.cached_tokens(depth)
    work = [server.computed_tokens for server in made]
    ttfts_s.sort()
    return Found(
        cached_tokens / asked_tokens,
        sum(ttfts_s) / len(ttfts_s),
        ttfts_s[int(0.99 * len(ttfts_s))],
        max(work) * servers / max(1, sum(work)),
    )
