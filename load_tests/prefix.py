"""The goals P1 to P4: what the shipped choice of servers does with recorded traffic, beside what others' rules do."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from gateway.core.prefix_chain import BLOCK_BYTES, chain_of
from gateway.core.prefix_index import PrefixIndex
from load_tests.prefix_rules import RULES, RuleRouter
from load_tests.prefix_shipped import Gateways
from load_tests.prefix_world import Asked, Found, read_trace, replay

CONVERSATION: Final = "mooncake_conversation"
SYNTHETIC: Final = "mooncake_synthetic"
SERVERS: Final = (8, 4)
SHIPPED: Final = "tiergate"
SEEDS: Final = (1, 2, 3)
"""Of what is left to chance; the middle figure is told."""
LATE_S: Final = (0.01, 1.0, 5.0)
"""How late several gateways hear each other."""
GATEWAYS: Final = 4
LOOKED_UP_BLOCKS: Final = 54
"""The chain of P4: nine of ten prompts of the conversation trace are no longer."""
LOOK_UPS: Final = 20_000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """What one way of routing came to on one trace with so many servers. `late_s` None: there is nobody to hear of."""

    trace: str
    servers: int
    name: str
    gateways: int
    late_s: float | None
    found: Found


@dataclass(frozen=True, slots=True)
class LookUps:
    """Microseconds of CPU of one look-up and insertion in the local index, and of naming a prompt's blocks."""

    p50_us: float
    p99_us: float
    naming_p50_us: float


def read_traces(folder: Path) -> dict[str, list[Asked]]:
    """Read both traces. Raises OSError."""
    return {name: read_trace(folder / f"{name}.jsonl.gz") for name in (CONVERSATION, SYNTHETIC)}


def rows(traces: dict[str, list[Asked]], say: Say) -> Iterable[Row]:
    """Yield the rows of P1, P2 and P2b, then those of P3."""
    for trace, asked in traces.items():
        for servers in SERVERS:
            for name, rule in RULES.items():
                say(f"{trace}, {servers} servers: {name}")
                yield Row(trace, servers, name, 1, None, replay(asked, RuleRouter(rule(), servers), servers))
            say(f"{trace}, {servers} servers: {SHIPPED}")
            yield Row(trace, servers, SHIPPED, 1, None, shipped(asked, servers))
    asked, servers = traces[CONVERSATION], SERVERS[0]
    for late_s in (None, *LATE_S):
        said = "keep what they know to themselves" if late_s is None else f"hear each other {late_s:g} s late"
        say(f"{CONVERSATION}, {servers} servers: {GATEWAYS} gateways that {said}")
        yield Row(CONVERSATION, servers, SHIPPED, GATEWAYS, late_s, shipped(asked, servers, GATEWAYS, late_s))


def shipped(asked: Sequence[Asked], servers: int, gateways: int = 1, late_s: float | None = None) -> Found:
    """Replay with each seed, and return what is in the middle by mean time to the first token."""
    found = [replay(asked, Gateways(servers, gateways, late_s, seed), servers) for seed in SEEDS]
    return sorted(found, key=lambda one: one.ttft_mean_s)[len(found) // 2]


def look_ups(trace: Sequence[Asked], times: int = LOOK_UPS, now_us: Callable[[], float] | None = None) -> LookUps:
    """Time look-ups of long chains in an index that a trace has filled, each with the insertion that follows it.

    In CPU time, since what takes the processor away for milliseconds meanwhile is not the index.
    """
    clock_us = now_us or (lambda: time.thread_time_ns() / 1e3)
    index, marks = PrefixIndex(), [b"server %d" % at for at in range(SERVERS[0])]

    def look_up(number: int, blocks: Sequence[bytes], now_s: float) -> None:
        depths = index.match(blocks, marks, now_s)
        best = max(depths)
        # Where it is known best, else the next in turn.
        index.insert(blocks, marks[depths.index(best) if best > 1 else number % len(marks)], now_s)

    for number, asked in enumerate(trace):
        look_up(number, asked.blocks, asked.at_s)
    long = [asked.blocks[:LOOKED_UP_BLOCKS] for asked in trace if len(asked.blocks) >= LOOKED_UP_BLOCKS]
    took_us = [_timed_us(partial(look_up, at, long[at % len(long)], trace[-1].at_s), clock_us) for at in range(times)]
    naming = partial(chain_of, bytes(LOOKED_UP_BLOCKS * BLOCK_BYTES), b"key", 1)
    naming_us = [_timed_us(naming, clock_us) for _ in range(max(1, times // 20))]
    return LookUps(_quantile(took_us, 0.5), _quantile(took_us, 0.99), _quantile(naming_us, 0.5))


def _timed_us(call: Callable[[], object], clock_us: Callable[[], float]) -> float:
    began_us = clock_us()
    call()
    return clock_us() - began_us


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
