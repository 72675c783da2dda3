"""How soon a purge is felt: gateways that share a Redis are asked for an answer while it is purged at one of them.

Everything runs as it does in production: processes, sockets, a real Valkey. Every gateway holds the answer in its own
memory. Each is asked for it again and again (`only-if-cached`), until it says that there is none.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from load_tests.compare import machine
from load_tests.plan import RefusedLoad
from load_tests.progress import progress_line
from load_tests.table import figures_table, show
from load_tests.tally import Spread, spread
from tests.support.cache_replicas import ONLY_KEPT, Replicas, replicas
from tests.support.fault_process import running_fault_server

EXAMPLES = """examples:
  python -m load_tests purge
  python -m load_tests purge --rounds 5 --gateways 2

Starts gateways, a Valkey of its own (extra `test`) and a model server. Status 1: a purge was felt later than the goal.
"""
GOAL_MS: Final = 250
ASKED_EVERY_S: Final = 0.01
"""Each gateway; oftener, and so many gateways on two cores would be busy with being asked."""
WITHIN_S: Final = 20.0
GONE: Final = 504
"""As RFC 9111 has it of `only-if-cached`."""
PIPED_WIDTH: Final = 110
_TENANT: Final = "team"
_ROUTE: Final = "all"
_COLUMNS: Final = ("purged", "where it was asked", "at the others: P50", "P99", "longest", "goal")


@dataclass(frozen=True, slots=True)
class PurgeOrder:
    """How often each kind of purge is measured, over how many gateways."""

    rounds: int
    gateways: int


@dataclass(frozen=True, slots=True)
class Way:
    """A kind of purge: what is asked for, given the digest of the kept answer."""

    name: str
    path: str
    order: Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PurgeFound:
    """One way measured: how long after the purge was sent a gateway first said that there is no such answer."""

    way: Way
    here_us: Spread
    others_us: Spread


_PURGE: Final = "/admin/cache/purge"
WAYS: Final = (
    Way("a tenant", _PURGE, lambda _: {"tenant": _TENANT}),
    Way("a route", _PURGE, lambda _: {"tenant": _TENANT, "route": _ROUTE}),
    Way("an entry", _PURGE, lambda entry: {"tenant": _TENANT, "entry": entry}),
    Way("by age", _PURGE, lambda _: {"tenant": _TENANT, "older_than_s": 0}),
    Way("reported as wrong", "/v1/cache/report", lambda entry: {"entry": entry, "reason": "wrong"}),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--rounds", type=int, default=40, help="purges of each kind (%(default)s)")
    parser.add_argument("--gateways", type=int, default=4, help="gateway processes (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    order = PurgeOrder(options.rounds, options.gateways)
    if order.rounds < 1 or order.gateways < 2:
        raise RefusedLoad("at least 1 round and 2 gateways are needed")
    with progress_line(Console(stderr=True)) as say:
        found = asyncio.run(purge(order, WAYS, say))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return show([purge_table(at, machine(), order, found)], fault_lines(found), PIPED_WIDTH)


async def purge(order: PurgeOrder, ways: Sequence[Way], say: Callable[[str], None]) -> list[PurgeFound]:
    """Measure these ways in a temporary folder. Raises TimeoutError where a purge is not felt at all."""
    questions = map("question {}".format, count())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiergate-purge-")))
        server = await asyncio.to_thread(stack.enter_context, running_fault_server())
        here = await stack.enter_async_context(replicas(server, folder, order.gateways))
        found = []
        for way in ways:
            say(f"{way.name}: {order.rounds} purges, {order.gateways} gateways")
            times_us = [await _once(way, next(questions), here) for _ in range(order.rounds)]
            others = [each for first, *rest in times_us for each in rest]
            found.append(PurgeFound(way, _spread([first for first, *_ in times_us]), _spread(others)))
    return found


async def _once(way: Way, question: str, here: Replicas) -> list[int]:
    """Purge one answer at the first gateway; return when it was gone from each, in microseconds."""
    kept = [await here.until(at, _TENANT, question, "exact") for at in range(len(here.origins))]
    order = way.order(kept[0].headers["x-tiergate-cache-entry"])
    asked = [asyncio.create_task(_gone_at(here, at, question)) for at in range(len(here.origins))]
    await asyncio.sleep(ASKED_EVERY_S)
    began = time.perf_counter()
    response = await _send(here, way.path, order)
    response.raise_for_status()
    return [round((gone_s - began) * 1e6) for gone_s in await asyncio.gather(*asked)]


def _send(here: Replicas, path: str, order: dict[str, Any]) -> Awaitable[httpx.Response]:
    key = {"authorization": f"Bearer sk-{_TENANT}"}
    return here.client.post(here.origins[0] + path, json=order, headers=key)


async def _gone_at(here: Replicas, at: int, question: str) -> float:
    """Ask for a kept answer until there is none; return when that was said."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await here.ask(at, _TENANT, question, **ONLY_KEPT)
            if answer.status_code == GONE:
                return time.perf_counter()
            answer.raise_for_status()
            await asyncio.sleep(ASKED_EVERY_S)


def purge_table(at: str, machine: Mapping[str, object], order: PurgeOrder, found: Sequence[PurgeFound]) -> Table:
    """Draw a way a row, in milliseconds."""
    caption = (
        f"milliseconds from sending the purge until none is given, {order.rounds} purges each, {order.gateways} "
        f"gateways, each asked every {ASKED_EVERY_S * 1_000:.0f} ms"
    )
    table = figures_table(at, machine, caption, _COLUMNS)
    for one in found:
        others = one.others_us
        figures = (one.here_us.p50, others.p50, others.p99, others.max)
        table.add_row(one.way.name, *(f"{us / 1_000:.0f}" for us in figures), f"≤ {GOAL_MS}")
    return table


def fault_lines(found: Sequence[PurgeFound]) -> Iterator[str]:
    """Say which purge was felt too late."""
    for one in found:
        longest_ms = max(one.here_us.max, one.others_us.max) / 1_000
        if longest_ms > GOAL_MS:
            yield f"{one.way.name}: felt after {longest_ms:.0f} ms, where {GOAL_MS} may be"


def _spread(times_us: Sequence[int]) -> Spread:
    found = spread(times_us)
    assert found is not None, "there is at least one round"
    return found
