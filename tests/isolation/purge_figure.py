"""How long a purge takes to reach gateways of their own processes that share a Redis.

python -m tests.isolation.purge_figure --gateways 4 --purges 200

Every gateway has the answer in its memory. One of them is told to purge; from then on the others are asked for the kept
answer again and again, one request after the other, until they have none. The time ends when that is answered, so it
holds the last request's own; it begins when the purge is sent, and again when it is acknowledged.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.support.cache_replicas import Replicas, replicas
from tests.support.fault_process import running_fault_server

_TENANT = "team"
_QUESTION = "What is known everywhere?"


@dataclass(frozen=True, slots=True)
class Reach:
    """How long one gateway gave a purged answer, in milliseconds from when the purge was sent and acknowledged."""

    sent_ms: float
    told_ms: float


async def measure(gateways: int, purges: int) -> list[Reach]:
    """Purge so many times, and time each of the other gateways."""
    with tempfile.TemporaryDirectory(prefix="tg-purge-") as folder, running_fault_server() as server:
        async with replicas(server, Path(folder), gateways) as here:
            reaches: list[Reach] = []
            for number in track(range(purges), "purges"):
                reaches += await _purge_once(here, number % gateways)
            return reaches


async def _purge_once(here: Replicas, at: int) -> list[Reach]:
    others = [other for other in range(len(here.origins)) if other != at]
    for each in (at, *others):
        # Twice, so that it is in the memory of each.
        for _ in range(2):
            await here.until(each, _TENANT, _QUESTION, "exact")
    sent_s = time.monotonic()
    gone = [asyncio.create_task(_gone_at(here, other)) for other in others]
    answer = await here.client.post(f"{here.origins[at]}/admin/cache/purge", json={"tenant": _TENANT})
    told_s = time.monotonic()
    assert answer.status_code == 200, answer.text
    ended = await asyncio.gather(*gone)
    return [Reach((end_s - sent_s) * 1e3, max(0.0, (end_s - told_s) * 1e3)) for end_s in ended]


async def _gone_at(here: Replicas, at: int) -> float:
    await here.until_gone(at, _TENANT, _QUESTION)
    return time.monotonic()


def line(name: str, values_ms: Sequence[float]) -> str:
    """Tell the middle and the end of what was measured."""
    at = statistics.quantiles(values_ms, n=100)
    return f"{name}: p50 {at[49]:.1f} ms, p99 {at[98]:.1f} ms, longest {max(values_ms):.1f} ms"


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.isolation.purge_figure", description=__doc__)
    parser.add_argument("--gateways", type=int, default=4)
    parser.add_argument("--purges", type=int, default=200)
    options = parser.parse_args()
    console = Console(highlight=False)
    reaches = asyncio.run(measure(options.gateways, options.purges))
    console.print(f"{options.purges} purges, {options.gateways} gateways, {len(reaches)} times")
    console.print(line("from the purge's sending", [reach.sent_ms for reach in reaches]))
    console.print(line("from its acknowledgement", [reach.told_ms for reach in reaches]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
